import type { Output } from './command-io.ts';

/** Lines at the end of a terminal that are drawn again in place; other text goes above them. */
export class LiveBlock implements Output {
  readonly #output: Output;
  #lines: readonly string[] = [];

  constructor(output: Output) {
    this.#output = output;
  }

  get isTTY(): boolean {
    return this.#output.isTTY;
  }

  get columns(): number {
    return this.#output.columns;
  }

  /** Shows these lines in place of those shown before. */
  draw(lines: readonly string[]): void {
    const erase = this.#erase();
    this.#lines = lines;
    void this.#output.write(`${erase}${lines.map((line) => `${line}\n`).join('')}`);
  }

  /** Leaves the lines where they are and begins below them. */
  settle(): void {
    this.#lines = [];
  }

  /** Text above the block, whole lines. */
  write(text: string): void | Promise<void> {
    return this.#output.write(`${this.#erase()}${text}${this.#lines.map((line) => `${line}\n`).join('')}`);
  }

  #erase(): string {
    // Up to the block's first line, then erase to the end of the screen.
    return this.#lines.length === 0 ? '' : `\x1b[${this.#lines.length}F\x1b[J`;
  }
}
