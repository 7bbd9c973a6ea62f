// Scanners that type: a burst of keys, faster than any person, ended by Enter or Tab. The keys reach nobody else, so a
// scan never becomes a quantity, and nothing needs the focus.

const FASTEST_PERSON = 35; // milliseconds between two keys
const SHORTEST = 4;
const END = 60;

/** @param {(code: string) => void} onScan @returns {() => void} ends it */
export function listenToKeys(onScan) {
  let keys = "";
  let last = 0;
  /**
   * What the first keys were typed into, to take them out again.
   * @type {{field: HTMLInputElement, value: string} | undefined}
   */
  let typedInto;
  let timer;

  const reset = () => {
    keys = "";
    typedInto = undefined;
  };

  const finish = () => {
    clearTimeout(timer);
    if (keys.length < SHORTEST) return reset();
    if (typedInto) {
      typedInto.field.value = typedInto.value;
      typedInto.field.dispatchEvent(new Event("input", { bubbles: true }));
    }
    const code = keys;
    reset();
    onScan(code);
  };

  /** @param {KeyboardEvent} event */
  const key = (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey) return reset();
    const now = event.timeStamp;
    const isBurst = now - last < FASTEST_PERSON;
    last = now;
    if (event.key === "Enter" || event.key === "Tab") {
      if (isBurst && keys.length >= SHORTEST) {
        event.preventDefault();
        event.stopImmediatePropagation();
        finish();
      } else reset();
      return;
    }
    if (event.key.length !== 1) return;
    if (!isBurst) {
      reset();
      const field = event.target;
      if (field instanceof HTMLInputElement) typedInto = { field, value: field.value };
    }
    keys += event.key;
    if (isBurst && keys.length >= SHORTEST) {
      event.preventDefault();
      event.stopImmediatePropagation();
    }
    clearTimeout(timer);
    // A scanner without a suffix. A person who types as fast would have to press four keys within a tenth of a second.
    timer = setTimeout(() => (keys.length >= 8 && isBurst ? finish() : undefined), END);
  };

  document.addEventListener("keydown", key, { capture: true });
  return () => document.removeEventListener("keydown", key, { capture: true });
}
