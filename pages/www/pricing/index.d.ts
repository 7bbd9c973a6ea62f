export * from "../../../daemon/pricing-wasm/npm/index.js";
