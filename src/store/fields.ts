/** Typed access to one object of a parsed JSON document; every accessor throws an Error that names the field. */
export class Fields {
  readonly #object: Readonly<Record<string, unknown>>;
  readonly #place: string;

  /** @param place how the object is called in messages; '' for the document itself */
  constructor(value: unknown, place: string) {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw new Error(`${place || 'the document'} is not an object`);
    }
    this.#object = value as Readonly<Record<string, unknown>>;
    this.#place = place;
  }

  text(name: string): string {
    return this.#typed(name, 'a string', (value) => typeof value === 'string');
  }

  flag(name: string): boolean {
    return this.#typed(name, 'true or false', (value) => typeof value === 'boolean');
  }

  /** A field that documents of older versions do not have. */
  flagOr(name: string, older: boolean): boolean {
    return this.#object[name] === undefined ? older : this.flag(name);
  }

  /** An integer of at least 0. */
  count(name: string): number {
    return this.#typed(name, 'an integer of at least 0', (value) => Number.isSafeInteger(value) && Number(value) >= 0);
  }

  choice<const T extends string>(name: string, choices: readonly T[]): T {
    return this.#typed(name, `one of ${choices.join(', ')}`, (value) => choices.some((choice) => choice === value));
  }

  textList(name: string): string[] {
    return this.#typed(
      name,
      'a list of strings',
      (value) => isList(value) && value.every((item) => typeof item === 'string'),
    );
  }

  /** A field that documents of older versions do not have. */
  textListOr(name: string, older: string[]): string[] {
    return this.#object[name] === undefined ? older : this.textList(name);
  }

  list<T>(name: string, parse: (item: Fields) => T): T[] {
    const items = this.#typed<unknown[]>(name, 'a list', isList);
    return items.map((item, index) => parse(new Fields(item, `${this.#path(name)}[${index}]`)));
  }

  /** An object, or undefined where the field is missing. */
  optional<T>(name: string, parse: (found: Fields) => T): T | undefined {
    const value = this.#object[name];
    return value === undefined ? undefined : parse(new Fields(value, this.#path(name)));
  }

  /** The object as it is. */
  all(): Readonly<Record<string, unknown>> {
    return this.#object;
  }

  /** All fields of this object, which must be strings. */
  texts(): Record<string, string> {
    return Object.fromEntries(Object.keys(this.#object).map((name) => [name, this.text(name)]));
  }

  #typed<T>(name: string, expected: string, fits: (value: unknown) => boolean): T {
    const value = this.#object[name];
    if (!fits(value)) throw new Error(`${this.#path(name)} is not ${expected}`);
    return value as T;
  }

  #path(name: string): string {
    return this.#place === '' ? name : `${this.#place}.${name}`;
  }
}

const isList = (value: unknown): value is unknown[] => Array.isArray(value);
