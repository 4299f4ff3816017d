// Undo and redo: documents that are never changed, and a place among them.

const MOST = 500;

export class History {
  #documents = [];
  #place = -1;

  reset(document) {
    this.#documents = [document];
    this.#place = 0;
  }

  get current() { return this.#documents[this.#place] ?? null; }
  get canUndo() { return this.#place > 0; }
  get canRedo() { return this.#place < this.#documents.length - 1; }

  push(document) {
    this.#documents.splice(this.#place + 1, Infinity, document);
    if (this.#documents.length > MOST) this.#documents.shift();
    this.#place = this.#documents.length - 1;
  }

  undo() { if (this.canUndo) this.#place -= 1; }
  redo() { if (this.canRedo) this.#place += 1; }
}
