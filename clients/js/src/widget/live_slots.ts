// Says when slots may have changed: by the service's stream of hints, or by the clock where there is no stream.
//
// Nothing runs while the page is hidden: a browser has few connections for each origin, and other tabs need them.

/** How often to look where there is no stream, in milliseconds. */
const POLL_PAUSE = 30_000;
/** How long to collect hints before one look, in milliseconds. */
const HINT_PAUSE = 250;

export class LiveSlots {
  private address = "";
  private stream: EventSource | undefined;
  private poll: ReturnType<typeof setTimeout> | undefined;
  private hint: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly look: () => void) {}

  /** Follows the slots of this address, in place of those before. */
  follow(address: string): void {
    if (address === this.address) return;
    this.stop();
    this.address = address;
    this.resume();
  }

  /** Starts again, or stops, as the page is shown or hidden. */
  onVisibility(): void {
    if (document.hidden) this.pause();
    else this.resume();
  }

  stop(): void {
    this.pause();
    this.address = "";
  }

  private pause(): void {
    this.stream?.close();
    this.stream = undefined;
    clearTimeout(this.poll);
    clearTimeout(this.hint);
  }

  private resume(): void {
    if (!this.address || document.hidden || this.stream) return;
    const stream = new EventSource(this.address);
    this.stream = stream;
    stream.addEventListener("changed", () => {
      clearTimeout(this.hint);
      this.hint = setTimeout(this.look, HINT_PAUSE);
    });
    let isFirst = true;
    stream.addEventListener("open", () => {
      // Something may have changed while the stream was away.
      if (!isFirst) this.look();
      isFirst = false;
    });
    stream.addEventListener("error", () => {
      // The browser opens an interrupted stream again by itself, but not one that was refused, as by a proxy during a restart.
      if (stream.readyState !== EventSource.CLOSED || this.stream !== stream) return;
      this.poll = setTimeout(() => {
        this.stream = undefined;
        this.look();
        this.resume();
      }, POLL_PAUSE);
    });
  }
}
