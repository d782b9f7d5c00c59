// Look at all that is shown, through every shadow root, and return what is wrong with it.
() => {
  // The logbook beside a device cuts every longer name, whosever it is, and the tabs and
  // tables of the settings cut Home Assistant's own words.
  const IGNORED = new Set([
    "script", "style", "svg", "canvas", "title", "ha-logbook", "ha-tab", "ha-data-table",
  ]);
  const found = {
    texts: [], cut: [], outside: [], overlapping: [], wrapped: [], errors: [], moving: false,
  };
  const leaves = [];

  // What is for screen readers only is a pixel large.
  const isTiny = (element) => {
    const { width, height } = element.getBoundingClientRect();
    return width <= 1 && height <= 1 && getComputedStyle(element).overflowX !== "visible";
  };

  // What has no box of its own is as visible as what it is in.
  const isVisible = (element) =>
    getComputedStyle(element).display === "contents" ||
    (element.checkVisibility({ opacityProperty: true, visibilityProperty: true }) &&
      !isTiny(element));

  // The text that an element has itself, not through its children.
  const ownText = (element) =>
    [...element.childNodes]
      .filter((node) => node.nodeType === Node.TEXT_NODE)
      .map((node) => node.textContent.replace(/\u00a0/g, " ").trim())
      .join(" ")
      .trim();

  const textBox = (element) => {
    const range = document.createRange();
    range.selectNodeContents(element);
    return range.getBoundingClientRect();
  };

  // Whether it, or what it is in, shows dots where there was no more room.
  const isCut = (element) => {
    const box = textBox(element);
    for (let node = element; node; node = node.assignedSlot ?? node.parentNode ?? node.host) {
      if (!(node instanceof Element)) continue;
      const style = getComputedStyle(node);
      if (style.overflowX === "visible") continue;
      const clip = node.getBoundingClientRect();
      if (["clip", "hidden"].includes(style.overflowX) && clip.width > 1) {
        if (box.left < clip.right - 2 && box.right > clip.right + 2) return true;
      }
      if (style.textOverflow === "ellipsis" && node.scrollWidth > node.clientWidth + 1) return true;
      if (style.webkitLineClamp !== "none" && node.scrollHeight > node.clientHeight + 1) return true;
    }
    return false;
  };

  // Those that end; what turns for ever is no reason to wait.
  const moves = (root) =>
    root.getAnimations().some((animation) =>
      animation.playState === "running" && animation.effect?.getComputedTiming().endTime < Infinity
    );

  // Whether its own text takes more than one line.
  const isWrapped = (element) =>
    [...element.childNodes].some((node) => {
      if (node.nodeType !== Node.TEXT_NODE) return false;
      const range = document.createRange();
      range.selectNodeContents(node);
      const [first, ...others] = range.getClientRects();
      return others.some((line) => line.top >= first.bottom - 2);
    });

  const look = (element) => {
    const name = element.localName;
    if (IGNORED.has(name) || !isVisible(element)) return;
    if (["hui-error-card", "hui-warning", "hui-warning-element"].includes(name)) {
      found.errors.push(`${name}: ${element.shadowRoot?.textContent.trim()}`);
    }
    // What stands in a field can be read, unless it is hidden.
    if (["input", "textarea"].includes(name) && element.type !== "password" && element.value) {
      found.texts.push(element.value);
    }
    const text = ownText(element);
    if (text) {
      found.texts.push(text);
      const box = element.getBoundingClientRect();
      if (isCut(element)) found.cut.push(text);
      if (isWrapped(element)) found.wrapped.push(text);
      if (box.width > 0 && (box.right > innerWidth + 1 || box.left < -1) && box.top < innerHeight) {
        found.outside.push(text);
      }
      leaves.push([element, text, textBox(element)]);
    }
    for (const child of (element.shadowRoot ?? element).children) look(child);
    if (element.shadowRoot) {
      found.moving ||= moves(element.shadowRoot);
      for (const child of element.children) look(child);
    }
  };
  found.moving = moves(document);
  look(document.body);

  const overlap = (a, b) =>
    Math.min(a.right, b.right) - Math.max(a.left, b.left) > 3 &&
    Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 3;
  const isOnTop = (element, x, y) => {
    let top = document.elementFromPoint(x, y);
    while (top?.shadowRoot) {
      const inner = top.shadowRoot.elementFromPoint(x, y);
      if (!inner || inner === top) break;
      top = inner;
    }
    for (let node = top; node; node = node.parentNode ?? node.host) if (node === element) return true;
    return false;
  };
  // What lies under a dialog or a toolbar is not in anybody's way.
  const isShown = ([element, , box]) =>
    [0.05, 0.5, 0.95].some((part) =>
      isOnTop(element, box.left + part * box.width, (box.top + box.bottom) / 2),
    );
  leaves.forEach((leaf, index) => {
    const [element, text, box] = leaf;
    for (const other of leaves.slice(index + 1)) {
      const [otherElement, otherText, otherBox] = other;
      if (!overlap(box, otherBox) || element.contains(otherElement)) continue;
      // Last, since it takes long.
      if (isShown(leaf) && isShown(other)) found.overlapping.push(`${text} | ${otherText}`);
    }
  });
  return found;
}
