// Three sounds, so that nobody has to look: added, attention, refused.

/** @type {AudioContext | undefined} */
let context;

/** @param {"ok" | "attention" | "refused"} name */
export function sound(name) {
  try {
    context ??= new AudioContext();
    // A page that nobody has touched is silent.
    if (context.state !== "running") return void context.resume();
    const notes = { ok: [1320], attention: [880, 660], refused: [220, 180] }[name];
    notes.forEach((frequency, place) => {
      const begin = context.currentTime + place * 0.13;
      const tone = context.createOscillator();
      const volume = context.createGain();
      tone.frequency.value = frequency;
      volume.gain.setValueAtTime(0.12, begin);
      volume.gain.exponentialRampToValueAtTime(0.001, begin + 0.12);
      tone.connect(volume).connect(context.destination);
      tone.start(begin);
      tone.stop(begin + 0.12);
    });
  } catch {
    // No sound is no reason to stop.
  }
}
