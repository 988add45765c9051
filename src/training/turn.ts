/**
 * Lets other messages in: `next` resolves after one turn of the message queue, so that pause and stop reach a worker
 * that computes all the time. No timers: they are throttled where messages are not.
 */
export class MessageTurn {
  private readonly channel = new MessageChannel();
  private resolve: () => void = () => undefined;

  constructor() {
    this.channel.port1.onmessage = () => this.resolve();
  }

  next(): Promise<void> {
    return new Promise((resolve) => {
      this.resolve = resolve;
      this.channel.port2.postMessage(null);
    });
  }

  /** Closes the ports; an open one keeps a thread alive. */
  close(): void {
    this.channel.port1.close();
    this.channel.port2.close();
  }
}
