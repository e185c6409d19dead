import { isDict, isList, pythonText, type PythonValue } from '../python/python-value.ts';
import { TemplateFault } from './template-fault.ts';

/** Work of one template on one row: 256 Ki steps, or 4 Mi characters moved. */
const MAX_WORK_PER_RENDER = 4 * 2 ** 20;
/** Work of all templates on all rows of one task: about half a minute. */
const MAX_WORK_PER_TASK = 2 ** 33;
/** Cost of a step, beside the characters that it moves. */
export const STEP = 16;

/** Counts the steps and characters of templates, and stops one that does too much work. */
export class WorkMeter {
  #render = 0;
  #task = 0;

  /** Must be called when a template begins a row. */
  begin(): void {
    this.#render = 0;
  }

  /** Throws before the work is done, so that no step builds a result that is too large. */
  spend(units: number): void {
    this.#render += units;
    this.#task += units;
    if (this.#render > MAX_WORK_PER_RENDER) {
      throw new TemplateFault(
        'it does too much work on one row (its loops or texts are too long)',
        'Do such work once, when creating the data file.',
      );
    }
    if (this.#task > MAX_WORK_PER_TASK)
      throw new TemplateFault(
        'the templates do too much work over all rows together',
        'Split the task, or simplify them.',
      );
  }
}

/** str() of a value, whose length is charged before it is built. */
export const meteredText = (value: PythonValue, meter: WorkMeter): string => {
  spendOn(value, meter);
  return pythonText(value);
};

const spendOn = (value: PythonValue, meter: WorkMeter): void => {
  if (typeof value === 'string') meter.spend(value.length);
  else if (isList(value)) for (const member of value) spendOn(member, meter);
  else if (isDict(value)) {
    for (const [key, member] of value) {
      meter.spend(key.length);
      spendOn(member, meter);
    }
  }
  meter.spend(4);
};

/** The environment of one kind of templates, beyond names. */
export interface TemplateEnvironment {
  /** Whether a missing value prints as nothing (chat templates) or is refused (tasks). */
  readonly isLenient: boolean;
  /** Clock of strftime_now(); null if templates may not use it. */
  readonly now: (() => Date) | null;
}

export const TASK_ENVIRONMENT: TemplateEnvironment = { isLenient: false, now: null };

/** A macro: returns its text for positional and keyword arguments. */
export type Macro = (values: readonly PythonValue[], named: ReadonlyMap<string, PythonValue>) => string;

/** Names visible to an expression: its loop's, its template's, then the row's columns. Nothing else exists. */
export class Scope {
  readonly environment: TemplateEnvironment;
  readonly #names = new Map<string, PythonValue>();
  readonly #macros = new Map<string, Macro>();
  readonly #parent: Scope | ReadonlyMap<string, PythonValue>;

  constructor(parent: Scope | ReadonlyMap<string, PythonValue>, environment: TemplateEnvironment = TASK_ENVIRONMENT) {
    this.#parent = parent;
    this.environment = parent instanceof Scope ? parent.environment : environment;
  }

  get(name: string): PythonValue | undefined {
    const own = this.#names.get(name);
    return own === undefined ? this.#parent.get(name) : own;
  }

  set(name: string, value: PythonValue): void {
    this.#names.set(name, value);
  }

  macro(name: string): Macro | undefined {
    return this.#macros.get(name) ?? (this.#parent instanceof Scope ? this.#parent.macro(name) : undefined);
  }

  setMacro(name: string, macro: Macro): void {
    this.#macros.set(name, macro);
  }
}
