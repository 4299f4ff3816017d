// Files in, by dialog, drop and paste, and out, by download.

export function listenForFiles(opened) {
  const input = document.getElementById("file");
  input.addEventListener("change", () => {
    if (input.files.length) opened(input.files[0]);
    input.value = ""; // so that the same file can be opened again
  });
  for (const id of ["open", "welcome-open"]) {
    document.getElementById(id).addEventListener("click", () => input.click());
  }
  let depth = 0; // the pointer enters a child before it leaves the parent
  const mark = () => document.body.classList.toggle("dropping", depth > 0);
  const isFile = (event) => event.dataTransfer?.types.includes("Files");
  window.addEventListener("dragenter", (event) => { if (isFile(event)) { depth += 1; mark(); } });
  window.addEventListener("dragleave", (event) => { if (isFile(event)) { depth -= 1; mark(); } });
  window.addEventListener("dragover", (event) => event.preventDefault());
  window.addEventListener("drop", (event) => {
    event.preventDefault();
    depth = 0;
    mark();
    if (event.dataTransfer.files.length) opened(event.dataTransfer.files[0]);
  });
  window.addEventListener("paste", (event) => {
    if (event.clipboardData?.files.length) opened(event.clipboardData.files[0]);
  });
}

export function download(blob, name) {
  const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(blob), download: name });
  link.click();
  // The browser reads it after the click has returned.
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
