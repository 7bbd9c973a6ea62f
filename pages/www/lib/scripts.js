// Addresses of scripts for workers: the pages' policy accepts only those that come through here, and these are our own.

/** @type {{createScriptURL: (url: string) => any}} */
const own = {
  createScriptURL(url) {
    if (new URL(url, location.href).origin !== location.origin) throw new TypeError(`${url} is not from this hub`);
    return url;
  },
};
/** @type {any} */
const types = /** @type {any} */ (window).trustedTypes;
const policy = types ? types.createPolicy("store-hub", own) : own;

/** @param {string} url */
export const script = (url) => policy.createScriptURL(url);
