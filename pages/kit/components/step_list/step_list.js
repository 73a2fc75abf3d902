// Draws the steps from data. Text goes in through textContent only; every run is idempotent.
const ICONS = { ran: "▶", reused: "↺", failed: "✕", skipped: "–", todo: "○" };

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
  const list = parentElement.querySelector("ol");
  if (!list || !data) return;
  list.setAttribute("aria-label", data.label);
  while (list.children.length > data.steps.length) list.lastElementChild.remove();

  data.steps.forEach((step, at) => {
    const here = step.name === data.current;
    const item = child(list, "li", "step", at);
    const button = child(item, "button", step.state + (here ? " here" : ""), 0);
    button.type = "button";
    button.setAttribute("aria-pressed", here ? "true" : "false");
    button.dataset.step = step.name;
    child(button, "span", "name", 0).textContent = step.name;
    const text = child(button, "span", "text", 1);
    child(text, "span", "why", 0).textContent = step.why || step.reads;
    child(text, "span", "plan", 1).textContent = step.plan;
    const state = child(button, "span", "state", 2);
    const icon = child(state, "span", "icon", 0);
    icon.setAttribute("aria-hidden", "true");
    icon.textContent = ICONS[step.state] || ICONS.todo;
    child(state, "span", "word", 1).textContent = step.word;
    child(state, "span", "figure", 2).textContent = step.figure;
    button.onclick = () => setTriggerValue("open", step.name);
  });
}
