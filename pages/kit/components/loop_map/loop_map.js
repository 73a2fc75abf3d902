// Draws the ring from data. Text goes in through textContent only; every run is idempotent.
const ICONS = { todo: "○", done: "✓", attention: "!" };

function part(button, name) {
  let element = button.querySelector("." + name);
  if (!element) {
    element = document.createElement("span");
    element.className = name;
    button.appendChild(element);
  }
  return element;
}

function item(ring, index) {
  let entry = ring.children[index];
  if (!entry) {
    entry = document.createElement("li");
    const button = document.createElement("button");
    button.type = "button";
    entry.appendChild(button);
    ring.appendChild(entry);
  }
  return entry;
}

export default function (component) {
  const { data, parentElement, setTriggerValue } = component;
  const nav = parentElement.querySelector("nav");
  const ring = parentElement.querySelector(".ring");
  if (!nav || !ring || !data) return;

  nav.setAttribute("aria-label", data.label);
  data.stages.forEach((stage, index) => {
    const entry = item(ring, index);
    const button = entry.firstElementChild;
    const here = stage.page === data.current;
    entry.className = "stop " + stage.page;
    button.className = stage.state + (here ? " here" : "");
    button.dataset.page = stage.page;
    if (here) button.setAttribute("aria-current", "page");
    else button.removeAttribute("aria-current");

    const head = part(button, "title");
    head.textContent = stage.title;
    const state = part(button, "state");
    let icon = state.querySelector(".icon");
    if (!icon) {
      state.textContent = "";
      icon = document.createElement("span");
      icon.className = "icon";
      icon.setAttribute("aria-hidden", "true");
      const word = document.createElement("span");
      word.className = "word";
      state.append(icon, word);
    }
    icon.textContent = ICONS[stage.state] || ICONS.todo;
    state.querySelector(".word").textContent = stage.word;
    part(button, "figure").textContent = stage.figure;

    button.onclick = () => setTriggerValue("go", stage.page);
  });

  ring.onkeydown = (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    const buttons = [...ring.querySelectorAll("button")];
    const at = buttons.indexOf(event.target);
    if (at < 0) return;
    let next = null;
    if (step) next = (at + step + buttons.length) % buttons.length;
    if (event.key === "Home") next = 0;
    if (event.key === "End") next = buttons.length - 1;
    if (next === null) return;
    event.preventDefault();
    buttons[next].focus();
  };
}
