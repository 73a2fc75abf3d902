// Draws the map from data. Text goes in through textContent only; every run is idempotent.
function child(parent, tag, name, index) {
  let element = parent.children[index];
  if (!element) {
    element = document.createElement(tag);
    parent.appendChild(element);
  }
  element.className = name;
  return element;
}

export default function (component) {
  const { data, parentElement, setTriggerValue } = component;
  const nav = parentElement.querySelector("nav");
  if (!nav || !data) return;
  nav.setAttribute("aria-label", data.label);

  data.rows.forEach((row, at) => {
    const line = child(nav, "div", "row", at);
    line.setAttribute("role", "group");
    line.setAttribute("aria-label", row.title);
    child(line, "div", "name", 0).textContent = row.title;
    row.cells.forEach((cell, place) => {
      const button = child(line, "button", cell.lit ? "lit" : "dim", place + 1);
      button.type = "button";
      button.dataset.code = cell.code;
      button.setAttribute("aria-label", [cell.title, cell.word, cell.figure].filter(Boolean).join(", "));
      const icon = child(button, "span", "icon", 0);
      icon.setAttribute("aria-hidden", "true");
      icon.textContent = cell.lit ? "✓" : "○";
      child(button, "span", "title", 1).textContent = cell.title;
      child(button, "span", "figure", 2).textContent = cell.figure || cell.word;
      button.onclick = () => setTriggerValue("go", cell.page);
    });
  });
}
