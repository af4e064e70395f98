/**
 * Undo stands beside each acquisition. When the work fails, the steps are undone in reverse; when undoing fails as well,
 * no error is lost: both come back as one AggregateError, the first cause first.
 */
export class Undo {
  readonly #steps: { readonly what: string; readonly run: () => void | Promise<void>; readonly keep: () => void }[] =
    [];

  /**
   * Remember how to give back what was just acquired; `what` completes "could not ...". `keep` is for what was only needed to
   * be able to undo.
   */
  add(what: string, run: () => void | Promise<void>, keep: () => void = () => undefined): void {
    this.#steps.push({ what, run, keep });
  }

  /** The work succeeded: what was acquired stays. */
  commit(): void {
    for (const { keep } of this.#steps.reverse()) keep();
    this.#steps.length = 0;
  }

  /** Undo everything, last first, and return the error to throw. */
  async rollBack(cause: unknown): Promise<unknown> {
    const failures: unknown[] = [];
    for (const step of this.#steps.reverse()) {
      try {
        await step.run();
      } catch (error) {
        failures.push(new Error(`could not ${step.what}`, { cause: error }));
      }
    }
    this.#steps.length = 0;
    return failures.length === 0 ? cause : new AggregateError([cause, ...failures], messageOf(cause), { cause });
  }
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Run `work` with an undo stack that is rolled back when it throws. */
export async function undoing<T>(work: (undo: Undo) => Promise<T>): Promise<T> {
  const undo = new Undo();
  try {
    const result = await work(undo);
    undo.commit();
    return result;
  } catch (error) {
    throw await undo.rollBack(error);
  }
}
