// A combobox that opens a tree (ARIA APG: combobox with a tree popup). The focus
// stays in the text field; aria-activedescendant names the active row.
// Down and Up move, Right opens a branch, Left closes it or goes to its parent,
// Enter takes, Escape closes. Typing searches by name, pinyin or initials.

interface Node {
  id: string;
  label: string;
  path: string;
  has_children: boolean;
}

const MOST = 200;

/** Turns the text field of the `tree_picker` macro into a picker. */
export function mount(root: HTMLElement): void {
  const input = root.querySelector<HTMLInputElement>("input[type=text]");
  const chosen = root.querySelector<HTMLInputElement>("input[type=hidden]");
  const box = input?.parentElement;
  const source = root.dataset["src"];
  if (!input || !chosen || !box || !source) return;

  const list = document.createElement("ul");
  list.id = `${input.id}-tree`;
  list.className = "tree-list";
  list.setAttribute("role", "tree");
  list.setAttribute("aria-label", root.querySelector("label")?.textContent ?? "");
  list.hidden = true;
  box.after(list);
  input.setAttribute("role", "combobox");
  input.setAttribute("aria-haspopup", "tree");
  input.setAttribute("aria-controls", list.id);
  input.setAttribute("aria-expanded", "false");
  input.setAttribute("aria-autocomplete", "list");

  const sprite = document.querySelector("use")?.getAttribute("href")?.split("#")[0] ?? "";
  let active: HTMLElement | null = null;
  let label = input.value;
  let asked = 0;
  let serial = 0;
  let timer = 0;

  const fetchNodes = async (query: string): Promise<Node[]> => {
    const answer = await fetch(`${source}${source.includes("?") ? "&" : "?"}${query}`, {
      headers: { Accept: "application/json" },
      credentials: "same-origin",
    });
    return answer.ok ? ((await answer.json()) as Node[]).slice(0, MOST) : [];
  };

  const rows = () =>
    Array.from(list.querySelectorAll<HTMLElement>("[role=treeitem]")).filter(
      (row) => !row.parentElement?.closest("[aria-expanded=false]"),
    );

  const activate = (row: HTMLElement | null) => {
    active?.classList.remove("active");
    active?.removeAttribute("aria-selected");
    active = row;
    if (row) {
      row.classList.add("active");
      row.setAttribute("aria-selected", "true");
      input.setAttribute("aria-activedescendant", row.id);
      row.firstElementChild?.scrollIntoView({ block: "nearest" });
    } else {
      input.removeAttribute("aria-activedescendant");
    }
  };

  const show = (open: boolean) => {
    list.hidden = !open;
    input.setAttribute("aria-expanded", String(open));
    if (!open) activate(null);
  };

  const build = (node: Node, level: number, withPath: boolean): HTMLElement => {
    const item = document.createElement("li");
    serial += 1;
    item.id = `${list.id}-${serial}`;
    item.setAttribute("role", "treeitem");
    item.setAttribute("aria-level", String(level));
    item.dataset["id"] = node.id;
    item.dataset["label"] = node.label;
    const row = document.createElement("div");
    row.className = "tree-row";
    const twist = document.createElement("span");
    twist.className = "twist";
    if (node.has_children) {
      item.setAttribute("aria-expanded", "false");
      const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
      svg.setAttribute("class", "icon");
      svg.setAttribute("aria-hidden", "true");
      const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
      use.setAttribute("href", `${sprite}#chevron-right`);
      svg.append(use);
      twist.append(svg);
    }
    const name = document.createElement("span");
    name.textContent = node.label;
    row.append(twist, name);
    if (withPath && node.path) {
      const path = document.createElement("small");
      path.textContent = node.path;
      row.append(path);
    }
    item.append(row);
    return item;
  };

  const fill = (parent: HTMLElement, nodes: Node[], level: number, withPath: boolean) => {
    parent.replaceChildren(...nodes.map((node) => build(node, level, withPath)));
    if (nodes.length === 0) {
      const none = document.createElement("li");
      none.className = "none";
      none.setAttribute("role", "none");
      none.textContent = root.dataset["empty"] ?? "";
      parent.append(none);
    }
  };

  const load = async (query: string, search: boolean) => {
    asked += 1;
    const mine = asked;
    let nodes: Node[] = [];
    try {
      nodes = await fetchNodes(query);
    } catch {
      // Offline: the list says that nothing was found; typing asks again.
    }
    if (mine !== asked) return; // a later question has been asked
    fill(list, nodes, 1, search);
    show(true);
    activate(rows()[0] ?? null);
  };

  const expand = async (row: HTMLElement, open: boolean) => {
    if (!row.hasAttribute("aria-expanded")) return;
    row.setAttribute("aria-expanded", String(open));
    let group = row.querySelector<HTMLElement>(":scope > [role=group]");
    if (group) {
      group.hidden = !open;
    } else if (open) {
      group = document.createElement("ul");
      group.setAttribute("role", "group");
      row.append(group);
      const level = Number(row.getAttribute("aria-level")) + 1;
      try {
        fill(group, await fetchNodes(`parent=${encodeURIComponent(row.dataset["id"] ?? "")}`), level, false);
      } catch {
        group.remove();
        row.setAttribute("aria-expanded", "false");
      }
    }
  };

  const take = (row: HTMLElement) => {
    chosen.value = row.dataset["id"] ?? "";
    label = row.dataset["label"] ?? "";
    input.value = label;
    show(false);
    chosen.dispatchEvent(new Event("change", { bubbles: true }));
  };

  const move = (step: number) => {
    const all = rows();
    const at = active ? all.indexOf(active) : -1;
    activate(all[Math.min(Math.max(at + step, 0), all.length - 1)] ?? null);
  };

  input.addEventListener("keydown", (event) => {
    if (event.isComposing) return;
    const closed = list.hidden;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      if (closed) void load("parent=", false);
      else move(event.key === "ArrowDown" ? 1 : -1);
    } else if (closed) {
      return;
    } else if (event.key === "Escape") {
      event.preventDefault();
      event.stopPropagation();
      show(false);
      input.value = label;
    } else if (event.key === "Enter") {
      event.preventDefault();
      if (active) take(active);
    } else if (event.key === "ArrowRight" && active?.hasAttribute("aria-expanded")) {
      event.preventDefault();
      if (active.getAttribute("aria-expanded") === "true") move(1);
      else void expand(active, true);
    } else if (event.key === "ArrowLeft" && active) {
      const parent = active.parentElement?.closest<HTMLElement>("[role=treeitem]");
      if (active.getAttribute("aria-expanded") === "true") {
        event.preventDefault();
        void expand(active, false);
      } else if (parent) {
        event.preventDefault();
        activate(parent);
      }
    }
  });
  input.addEventListener("input", () => {
    // What is typed is not chosen until a row is taken.
    chosen.value = "";
    label = input.value;
    clearTimeout(timer);
    timer = window.setTimeout(() => {
      const text = input.value.trim();
      void load(text ? `q=${encodeURIComponent(text)}` : "parent=", text !== "");
    }, 180);
  });
  input.addEventListener("click", () => {
    if (list.hidden) void load("parent=", false);
  });
  list.addEventListener("mousedown", (event) => event.preventDefault());
  list.addEventListener("click", (event) => {
    const row = (event.target as HTMLElement).closest<HTMLElement>("[role=treeitem]");
    if (!row) return;
    if ((event.target as HTMLElement).closest(".twist") && row.hasAttribute("aria-expanded")) {
      void expand(row, row.getAttribute("aria-expanded") !== "true");
    } else {
      take(row);
    }
  });
  input.addEventListener("blur", () => show(false));
}
