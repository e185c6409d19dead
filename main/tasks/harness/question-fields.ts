import { refuse } from '../../contract/errors.ts';
import { parsePythonLiteral } from '../python/python-literal.ts';
import { Decimal, isDict, isDigits, isList, Opaque, pythonText, type PythonValue } from '../python/python-value.ts';
import { compileTemplate } from '../template/compile-template.ts';
import { renderTemplate } from '../template/render-template.ts';
import { TemplateFault } from '../template/template-fault.ts';
import { typeName } from '../template/template-operators.ts';
import type { WorkMeter } from '../template/work-meter.ts';
import type { HarnessConfig } from './harness-config.ts';
import type { HarnessRow } from './read-harness-rows.ts';

/** A compiled field of a YAML task. */
interface Field {
  readonly isColumn: boolean;
  /** Reads the field from a row; errors name file, row and key. */
  readonly read: (row: HarnessRow) => PythonValue;
  readonly fault: (row: HarnessRow, message: string, remedy: string) => Error;
}

export interface QuestionFields {
  readonly description: (row: HarnessRow) => string;
  readonly text: (row: HarnessRow) => string;
  readonly choices: (row: HarnessRow) => readonly string[];
  /** Index of the right choice. */
  readonly answer: (row: HarnessRow, choices: readonly string[]) => number;
  /** Right answers of a generate_until task: one, or several if the task gives a list. */
  readonly answers: (row: HarnessRow) => string | readonly string[];
  /** The column "choices", which the filter multi_choice_regex reads; null if the row has no such list of strings. */
  readonly options: (row: HarnessRow) => readonly string[] | null;
  /** The text of a loglikelihood_rolling task. */
  readonly target: (row: HarnessRow) => string;
}

/** Resolves a field like lm-evaluation-harness: the name of a column means that column, anything else is a template. */
const fieldOf = (key: string, source: string, columns: ReadonlySet<string>, file: string, meter: WorkMeter): Field => {
  const fault = (row: HarnessRow, message: string, remedy: string): Error =>
    refuse('bad-item', `${row.location}: ${key} of ${file}: ${message}.`, remedy);
  if (columns.has(source)) return { isColumn: true, fault, read: (row) => row.values.get(source) ?? null };
  try {
    const template = compileTemplate(source);
    const read = (row: HarnessRow): PythonValue => {
      try {
        return renderTemplate(template, row.values, meter);
      } catch (error) {
        throw error instanceof TemplateFault ? fault(row, error.message, error.remedy) : error;
      }
    };
    return { isColumn: false, fault, read };
  } catch (error) {
    if (!(error instanceof TemplateFault)) throw error;
    throw refuse('unsupported-task', `${file}: ${key}: ${error.message}.`, error.remedy, error);
  }
};

const textReader =
  (field: Field): ((row: HarnessRow) => string) =>
  (row) => {
    const value = field.read(row);
    if (typeof value !== 'string')
      throw field.fault(
        row,
        `it is ${typeName(value)}, not text`,
        'Use a template such as {{ column }} where the column is not text.',
      );
    return value;
  };

const isTexts = (value: PythonValue): value is readonly string[] =>
  isList(value) && value.every((member) => typeof member === 'string');

const choicesReader =
  (field: Field): ((row: HarnessRow) => readonly string[]) =>
  (row) => {
    let value = field.read(row);
    try {
      if (!field.isColumn && typeof value === 'string') value = parsePythonLiteral(value);
    } catch (error) {
      throw error instanceof TemplateFault ? field.fault(row, error.message, error.remedy) : error;
    }
    if (!isTexts(value))
      throw field.fault(
        row,
        `it gives ${typeName(value)}${isList(value) ? ' with members that are not text' : ''}, not a list of texts`,
        'Let it give a list of texts.',
      );
    if (value.length < 2) throw field.fault(row, `it gives ${String(value.length)} choices`, 'Give at least two.');
    return value;
  };

const isPrintedList = (text: string): boolean => {
  if (text.length < 2 || !text.startsWith('[') || !text.endsWith(']')) return false;
  try {
    parsePythonLiteral(text);
    return true;
  } catch (error) {
    if (error instanceof TemplateFault) return false;
    throw error;
  }
};

/** An index, or the text of the right choice; True and False are 1 and 0, as in Python. */
const answerReader =
  (field: Field): QuestionFields['answer'] =>
  (row, choices) => {
    const value = field.read(row);
    if (typeof value === 'string') {
      if (!field.isColumn && isPrintedList(value))
        throw field.fault(row, 'it gives a list, so several answers are right', 'Give one answer.');
      const index = !field.isColumn && isDigits(value) ? Number(value) : choices.indexOf(value);
      if (index < 0)
        throw field.fault(
          row,
          `${JSON.stringify(value)} is not one of the choices`,
          'Give the index of the right choice, or its exact text.',
        );
      return index;
    }
    if (typeof value === 'boolean') return Number(value);
    if (typeof value === 'number' && value >= 0) return value;
    const why =
      value === -1
        ? 'it is -1, as in splits without answers'
        : isList(value)
          ? 'it is a list, so several answers are right'
          : value instanceof Decimal
            ? 'it is a decimal number'
            : `it is ${typeName(value)}`;
    throw field.fault(row, why, 'Give the index of the right choice, or its exact text, in a split that has answers.');
  };

/** A list of texts, or the text of any other value, as lm-evaluation-harness compares it with the response. */
const answersReader =
  (field: Field): QuestionFields['answers'] =>
  (row) => {
    let value = field.read(row);
    if (!field.isColumn && typeof value === 'string' && isPrintedList(value)) value = parsePythonLiteral(value);
    if (isList(value)) {
      if (!isTexts(value) || value.length === 0)
        throw field.fault(
          row,
          'it gives a list that is empty or has members that are not text',
          'Give one answer or a list of texts.',
        );
      return value;
    }
    if (value === null || value instanceof Opaque || isDict(value))
      throw field.fault(
        row,
        `it is ${typeName(value)}`,
        'Give the text of the right answer, in a split that has answers.',
      );
    return pythonText(value);
  };

/** Compiles the fields of a task's rows. Refuses templates outside the subset, naming file and key. */
export const questionFields = (
  config: HarnessConfig,
  columns: ReadonlySet<string>,
  file: string,
  meter: WorkMeter,
): QuestionFields => {
  const field = (key: string, source: string): Field => fieldOf(key, source, columns, file, meter);
  const { doc_to_choice: choice, doc_to_target: target } = config;
  const text = field('doc_to_text', config.doc_to_text);
  const targetField = field('doc_to_target', String(target));
  const fixed = choice === undefined || typeof choice === 'string' ? null : Object.values(choice);
  const readText = textReader(text);
  return {
    description: config.description === '' ? () => '' : textReader(field('description', config.description)),
    text: (row) => {
      const found = readText(row);
      if (!text.isColumn && isDigits(found) && choice !== undefined)
        throw text.fault(
          row,
          'it gives a number, so the choices are contexts',
          'Tasks of that kind are not supported: write the text out.',
        );
      return found;
    },
    choices:
      fixed === null ? choicesReader(field('doc_to_choice', typeof choice === 'string' ? choice : '')) : () => fixed,
    answer: typeof target === 'number' ? () => target : answerReader(targetField),
    answers: typeof target === 'number' ? () => String(target) : answersReader(targetField),
    options: (row) => {
      const found = row.values.get('choices') ?? null;
      return isTexts(found) ? found : null;
    },
    target: textReader(targetField),
  };
};
