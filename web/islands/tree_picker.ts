export function mount(element: HTMLElement): void { element.dataset["ready"] = "1"; }
