// Live pages. One stream for the whole browser: tabs elect a leader with a Web
// Lock, the leader holds the EventSource and tells the others over a
// BroadcastChannel. A hidden tab gives the stream up.

interface Change {
  topic: string | null; // null: everything may have changed
}

const CHANNEL = "hutong-live";
const STALE_AFTER = 45_000;
const TINT = 600;

/** The elements of this page that follow a topic. */
function followers(): HTMLElement[] {
  return Array.from(document.querySelectorAll<HTMLElement>("[data-live][data-src]"));
}

function numbers(root: ParentNode): Map<string, string> {
  const found = new Map<string, string>();
  Array.from(root.querySelectorAll("[data-number]")).forEach((element, index) => {
    found.set(element.id || String(index), element.textContent ?? "");
  });
  return found;
}

const busy = new WeakMap<HTMLElement, { again: boolean }>();

/** Fetches a follower's fragment and tints the numbers that are different. */
async function refresh(element: HTMLElement): Promise<void> {
  const running = busy.get(element);
  if (running) {
    running.again = true;
    return;
  }
  const state = { again: false };
  busy.set(element, state);
  try {
    const answer = await fetch(element.dataset["src"] ?? "", {
      headers: { Accept: "text/html", "X-Fragment": "1" },
      credentials: "same-origin",
    });
    if (answer.ok && !answer.redirected) {
      const before = numbers(element);
      const focused = element.contains(document.activeElement)
        ? (document.activeElement as HTMLElement).getAttribute("href")
        : null;
      const parsed = new DOMParser().parseFromString(await answer.text(), "text/html");
      element.replaceChildren(...Array.from(parsed.body.childNodes));
      if (focused) element.querySelector<HTMLElement>(`[href="${CSS.escape(focused)}"]`)?.focus();
      tint(element, before);
    }
  } catch {
    // The next event or the watch over the stream tries again.
  } finally {
    busy.delete(element);
    if (state.again) void refresh(element);
  }
}

function tint(root: HTMLElement, before: Map<string, string>): void {
  Array.from(root.querySelectorAll("[data-number]")).forEach((element, index) => {
    const old = before.get(element.id || String(index));
    if (old === undefined || old === element.textContent) return;
    element.classList.add("changed");
    setTimeout(() => element.classList.remove("changed"), TINT);
  });
}

function apply(change: Change): void {
  for (const element of followers()) {
    if (change.topic === null || element.dataset["live"] === change.topic) void refresh(element);
  }
}

let shownStale = false;

/** Says in words that the page is not live at the moment. */
function showStale(stale: boolean): void {
  if (stale === shownStale) return;
  shownStale = stale;
  for (const word of Array.from(document.querySelectorAll<HTMLElement>("[data-live-word]"))) {
    word.dataset["fresh"] ??= word.textContent ?? "";
    word.textContent = (stale ? word.dataset["stale"] : word.dataset["fresh"]) ?? "";
    word.closest(".live")?.classList.toggle("stale", stale);
  }
}

/** Starts following, when the page has something that follows. */
export function startLive(): void {
  if (followers().length === 0 || !("EventSource" in window)) return;
  const channel = "BroadcastChannel" in window ? new BroadcastChannel(CHANNEL) : null;
  const others = new Map<string, number>(); // topic of another tab -> last wish for it
  let source: EventSource | null = null;
  let giveUp: (() => void) | null = null;
  let heard = Date.now();
  let opened = "";

  const mine = () => followers().map((element) => element.dataset["live"] ?? "");
  const topics = () => {
    const fresh = Date.now() - 30_000;
    for (const [topic, at] of others) if (at < fresh) others.delete(topic);
    return Array.from(new Set([...mine(), ...others.keys()])).filter(Boolean).sort().join(",");
  };
  const tell = (message: unknown) => channel?.postMessage(message);
  let caughtUp = false;
  const hear = (change: Change | "beat") => {
    heard = Date.now();
    showStale(false);
    // What happened between the making of this page and its first word from the stream is fetched once.
    if (!caughtUp) change = { topic: null };
    caughtUp = true;
    if (change !== "beat") apply(change);
  };
  const open = () => {
    source?.close();
    opened = topics();
    source = new EventSource(`/events?topics=${encodeURIComponent(opened)}`);
    const pass = (change: Change | "beat") => {
      hear(change);
      tell({ kind: "heard", change });
    };
    // A stream that was broken may have missed something.
    source.onopen = () => pass({ topic: null });
    source.addEventListener("beat", () => pass("beat"));
    source.addEventListener("resync", () => pass({ topic: null }));
    source.addEventListener("change", (event) => pass({ topic: (event as MessageEvent<string>).data }));
    source.onerror = () => {
      if (source?.readyState === EventSource.CLOSED) {
        source = null;
        opened = "";
      }
    };
  };
  const lead = () =>
    new Promise<void>((done) => {
      giveUp = done;
      open();
    });
  const join = () => {
    if (giveUp) return;
    if (channel && "locks" in navigator) {
      void navigator.locks.request(CHANNEL, () => (document.hidden ? Promise.resolve() : lead()));
      tell({ kind: "wish", topics: mine() });
    } else {
      void lead();
    }
  };
  const leave = () => {
    source?.close();
    source = null;
    opened = "";
    giveUp?.();
    giveUp = null;
  };

  channel?.addEventListener("message", (event: MessageEvent) => {
    const message = event.data as { kind: string; change: Change | "beat"; topics: string[] };
    if (message.kind === "heard") {
      if (!document.hidden) hear(message.change);
    } else if (message.kind === "wish") {
      for (const topic of message.topics) others.set(topic, Date.now());
      if (source && topics() !== opened) open();
    }
  });
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) {
      leave();
    } else {
      // What happened while nobody looked is fetched at once.
      apply({ topic: null });
      heard = Date.now();
      join();
    }
  });
  window.addEventListener("pagehide", leave);
  setInterval(() => {
    if (document.hidden) return;
    tell({ kind: "wish", topics: mine() });
    if (giveUp && (!source || topics() !== opened)) open();
    if (Date.now() - heard > STALE_AFTER) {
      showStale(true);
      if (giveUp) open();
    }
  }, 10_000);
  if (!document.hidden) join();
}
