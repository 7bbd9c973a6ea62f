/** A store's time zone, from the browser's own data. */
export class Zone {
  #clock;

  /** @param {string} name such as `Europe/Berlin` */
  constructor(name) {
    const number = "numeric";
    this.#clock = new Intl.DateTimeFormat("en-US", {
      timeZone: name, calendar: "gregory", numberingSystem: "latn", hourCycle: "h23", era: "short",
      year: number, month: number, day: number, hour: number, minute: number, second: number,
    });
  }

  /** What the store's clock shows at a moment, as milliseconds of the same time in UTC. */
  #shown(atMs) {
    const parts = {};
    for (const { type, value } of this.#clock.formatToParts(atMs)) parts[type] = value;
    const year = parts.era === "BC" ? 1 - Number(parts.year) : Number(parts.year);
    return Date.UTC(year, parts.month - 1, parts.day, parts.hour, parts.minute, parts.second);
  }

  #offset(atMs) {
    const second = Math.floor(atMs / 1000) * 1000;
    return this.#shown(second) - second;
  }

  /**
   * The moment of a local time: the first of two where it comes twice, and after the gap where it never comes.
   * @param {string} local such as `2026-12-01T06:00`
   * @returns {number} milliseconds since 1970, UTC
   */
  resolve(local) {
    const shown = Date.parse(`${local}Z`);
    const day = 86_400_000;
    const [before, after] = [this.#offset(shown - day), this.#offset(shown + day)];
    const moments = [shown - before, shown - after].filter((at) => at + this.#offset(at) === shown);
    return moments.length > 0 ? Math.min(...moments) : shown - before;
  }

  /**
   * A moment as price books look at it.
   * @param {number} atMs milliseconds since 1970, UTC
   */
  moment(atMs) {
    const shown = new Date(atMs + this.#offset(atMs));
    const days = ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"];
    const minute = shown.getUTCHours() * 60 + shown.getUTCMinutes();
    return { at_ms: atMs, weekday: days[shown.getUTCDay()], minute };
  }
}
