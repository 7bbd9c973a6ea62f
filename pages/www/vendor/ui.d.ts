export { createContext, Fragment, render } from "preact";
export { useCallback, useContext, useEffect, useId, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
export { batch, computed, effect, signal, Signal, untracked, useComputed, useSignal, useSignalEffect } from "@preact/signals";
export const html: (strings: TemplateStringsArray, ...values: any[]) => any;
