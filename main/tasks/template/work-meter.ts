import { isDict, isList, pythonText, type PythonValue } from '../python/python-value.ts';
import { TemplateFault } from './template-fault.ts';

/** Work of one template on one row: 256 Ki steps, or 4 Mi characters moved. */
const MAX_WORK_PER_RENDER = 4 * 2 ** 20;
/** Work of all templates on all rows of one task: about half a minute. */
const MAX_WORK_PER_TASK = 2 ** 33;
/** What one step costs beside the characters it moves. */
export const STEP = 16;

/** Counts what templates do, in steps and characters, and stops the one that does too much. */
export class WorkMeter {
  #render = 0;
  #task = 0;

  /** To be called when a template begins a row. */
  begin(): void {
    this.#render = 0;
  }

  /** Throws before the work is done, so that no step may first build what is too large. */
  spend(units: number): void {
    this.#render += units;
    this.#task += units;
    if (this.#render > MAX_WORK_PER_RENDER) {
      throw new TemplateFault(
        'it does too much work on one row (its loops or texts are too long)',
        'Do such work once, when the data file is made.',
      );
    }
    if (this.#task > MAX_WORK_PER_TASK)
      throw new TemplateFault(
        'the templates do too much work on all rows together',
        'Split the task, or simplify them.',
      );
  }
}

/** str() of a value, whose length is paid for before it is built. */
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

/** What templates of one kind find beyond their names. */
export interface TemplateEnvironment {
  /** Whether what is not there prints as nothing (chat templates), or is refused (tasks). */
  readonly isLenient: boolean;
  /** What strftime_now() reads; null where no template may. */
  readonly now: (() => Date) | null;
}

export const TASK_ENVIRONMENT: TemplateEnvironment = { isLenient: false, now: null };

/** A macro: gives its text for values by place and by name. */
export type Macro = (values: readonly PythonValue[], named: ReadonlyMap<string, PythonValue>) => string;

/** Names that an expression can see: its loop's, its template's, then the row's columns. Nothing else exists. */
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
