// Talks to the server. Every failure becomes an Error whose message can be shown.

export async function getModel() {
  return (await request("api/model")).json();
}

// Posts parts, by name, of a form: files and texts.
export async function post(path, parts, signal) {
  const body = new FormData();
  for (const [name, part] of Object.entries(parts)) body.append(name, part);
  return (await request(path, { method: "POST", body, signal })).json();
}

async function request(path, options) {
  let response;
  try {
    response = await fetch(path, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Error("The server does not answer. Start it again; your strokes are still here.");
  }
  if (response.ok) return response;
  const reply = await response.json().catch(() => ({}));
  throw new Error(sentence(reply.error ?? `The server answers ${response.status}`));
}

export function pngBlob(base64) {
  return new Blob([Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0))], { type: "image/png" });
}

function sentence(text) {
  return text.charAt(0).toUpperCase() + text.slice(1) + (/[.!?]$/.test(text) ? "" : ".");
}
