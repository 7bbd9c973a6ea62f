// One page of a browser is the register. Two would each send the baskets of the other.

/** Resolves when this page is the register. `onTaken`: another page took over. @param {boolean} steal */
export function becomeRegister(steal, onTaken) {
  return new Promise((done) => {
    const held = navigator.locks.request("store-hub-register", steal ? { steal } : { ifAvailable: true }, (lock) => {
      done(lock !== null);
      return lock ? new Promise(() => {}) : undefined;
    });
    held.catch(onTaken);
  });
}
