/** Shorter ones would turn ordinary words into asterisks, and protect nothing. */
const MIN_SECRET_LENGTH = 4;
const REPLACEMENT = '***';

/** Takes secrets out of text that is to be shown: those it was told, and the passwords of URLs. */
export class Scrubber {
  #pattern: RegExp | null = null;
  readonly #secrets = new Set<string>();

  add(secrets: readonly string[]): void {
    for (const secret of secrets) {
      if (secret.length < MIN_SECRET_LENGTH) continue;
      this.#secrets.add(secret);
      // In JSON and in a URL it may be written otherwise.
      this.#secrets.add(JSON.stringify(secret).slice(1, -1));
      this.#secrets.add(encodeURIComponent(secret));
    }
    if (this.#secrets.size === 0) return;
    // Whole words only: the password "post" is not in "postgres".
    const alternatives = [...this.#secrets].sort((a, b) => b.length - a.length).map(asWord);
    this.#pattern = new RegExp(alternatives.join('|'), 'g');
  }

  scrub(text: string): string {
    const withoutUrls = text.replace(/(\b[a-z][a-z0-9+.-]*:\/\/[^\s:@/"']*:)[^\s@/"'<]+@/gi, `$1${REPLACEMENT}@`);
    return this.#pattern === null ? withoutUrls : withoutUrls.replace(this.#pattern, REPLACEMENT);
  }
}

function asWord(secret: string): string {
  const before = /^\w/.test(secret) ? '(?<!\\w)' : '';
  const after = /\w$/.test(secret) ? '(?!\\w)' : '';
  return `${before}${secret.replace(/[.*+?^${}()|[\]\\/-]/g, '\\$&')}${after}`;
}
