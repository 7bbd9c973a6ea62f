// The hub's events, for as long as the page is open. After each connection `onOpen` runs: it reads the state, because
// events may have been missed.

import { NoAnswer } from "./api.js";

/**
 * @param {import("./api.js").Api} api
 * @param {{onEvent: (event: any) => void, onOpen?: () => void, onClosed?: () => void}} listener
 * @returns {() => void} ends it
 */
export function listen(api, { onEvent, onOpen = () => {}, onClosed = () => {} }) {
  /** @type {WebSocket | undefined} */
  let socket;
  let isOver = false;
  let wait = 250;
  let isConnecting = false;
  let timer;

  async function connect() {
    isConnecting = true;
    try {
      const { ticket } = await api.post("/events/ticket", {}, { timeout: 5000 });
      if (isOver) return;
      socket = new WebSocket(`wss://${location.host}/api/v1/events?ticket=${encodeURIComponent(ticket)}`);
    } catch (error) {
      // A caller who is no longer known is told by its next request.
      return again(error instanceof NoAnswer ? wait : 5000);
    } finally {
      isConnecting = false;
    }
    socket.onopen = () => {
      wait = 250;
      onOpen();
    };
    socket.onmessage = ({ data }) => onEvent(JSON.parse(data));
    socket.onclose = () => again(wait);
  }

  function again(after) {
    if (isOver) return;
    onClosed();
    timer = setTimeout(connect, after);
    wait = Math.min(wait * 2, 5000);
  }

  const wake = () => {
    if (document.visibilityState !== "visible" || isConnecting || (socket && socket.readyState <= WebSocket.OPEN))
      return;
    clearTimeout(timer);
    connect();
  };
  addEventListener("online", wake);
  document.addEventListener("visibilitychange", wake);
  connect();
  return () => {
    isOver = true;
    clearTimeout(timer);
    removeEventListener("online", wake);
    document.removeEventListener("visibilitychange", wake);
    socket?.close();
  };
}
