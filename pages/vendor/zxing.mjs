import { prepareZXingModule } from "zxing-wasm/reader";

export { readBarcodes } from "zxing-wasm/reader";

/** Loads the WebAssembly: from the hub, where the library would ask a server on the internet. */
export const prepare = () =>
  prepareZXingModule({ overrides: { locateFile: () => "/vendor/zxing.wasm" }, fireImmediately: true });
