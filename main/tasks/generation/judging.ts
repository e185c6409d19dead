import { at, refuse, WorkbenchError } from '../../contract/errors.ts';
import type { ExactMatchOptions, FilterPipeline, PythonJudging, WrittenItem } from '../../contract/task.ts';
import { compilePythonRegex } from '../python/regex/python-regex.ts';
import { FilterFault } from '../python/regex/regex-reader.ts';
import { compileFilter, type Filter, MULTI_CHOICE, TAKE_FIRST } from './compile-filter.ts';

const PUNCTUATION = /[!-/:-@[-`{-~]/g;
const DIGITS = /[0-9]/g;

/**
 * Whether the written text equals one of the answers. Throws a FilterFault for a text on which an expression cannot be
 * run.
 */
type ExactMatch = (written: string, answers: readonly string[]) => boolean;

/**
 * exact_match of lm-evaluation-harness 0.4.13. On both sides, in this order: matches of `regexes_to_ignore` are
 * removed, letters are lowercased, ASCII punctuation is removed, ASCII digits are removed. The texts must then be
 * equal, apart from trailing NULs (NumPy's arrays drop them). With several answers, one must be equal. Throws a
 * FilterFault for an unusable expression.
 */
const compileExactMatch = (options: ExactMatchOptions): ExactMatch => {
  const ignored = (options.regexes_to_ignore ?? []).map(compilePythonRegex);
  const reduced = (text: string): string => {
    let left = ignored.reduce((rest, regex) => regex.remove(rest), text);
    if (options.ignore_case === true) left = left.toLowerCase();
    if (options.ignore_punctuation === true) left = left.replace(PUNCTUATION, '');
    if (options.ignore_numbers === true) left = left.replace(DIGITS, '');
    return left.replace(/\0+$/, '');
  };
  return (written, answers) => {
    const text = reduced(written);
    return answers.some((answer) => reduced(answer) === text);
  };
};

/** A task's rule for judging generated text: plain data, part of the task's hash. */
export interface JudgingRule {
  readonly pipelines: readonly FilterPipeline[];
  readonly exactMatch: ExactMatchOptions;
  /** Present where a text that ends is right, whatever it says (metric `ending`). */
  readonly right?: 'ended';
  /** Present where the task's own Python judges, after filters of its own (main/harness/judge-texts.ts). */
  readonly python?: PythonJudging;
}

/** Pipeline of a task without filters, which lm-evaluation-harness calls "none". */
export const DEFAULT_PIPELINES: readonly FilterPipeline[] = [{ name: 'none', filter: [{ function: TAKE_FIRST }] }];

/** The rule of a task whose own Python judges. */
export const pythonRule = (python: PythonJudging): JudgingRule => ({
  pipelines: DEFAULT_PIPELINES,
  exactMatch: {},
  python,
});

/** The rule of the metric `ending`: no filters. */
export const ENDING_RULE: JudgingRule = { pipelines: DEFAULT_PIPELINES, exactMatch: {}, right: 'ended' };

interface Pipeline {
  readonly name: string;
  readonly filters: readonly Filter[];
}

/** A compiled rule. */
export interface Judging {
  readonly rule: JudgingRule;
  readonly pipelines: readonly Pipeline[];
  readonly isMatch: ExactMatch;
}

/** One pipeline's result for a response. */
export interface Judgement {
  /** The pipeline's metric, by lm-evaluation-harness's name. */
  readonly metric: string;
  readonly filtered: string;
  readonly correct: boolean;
}

const explained = (error: unknown, location: string): unknown =>
  error instanceof FilterFault ? refuse('bad-filter', `${location}: ${error.message}.`, error.remedy, error) : error;

const compilePipeline = ({ name, filter }: FilterPipeline, location: string): Pipeline => {
  const end = filter.findIndex((step) => step.function === TAKE_FIRST);
  const after = end < 0 ? undefined : filter[end + 1];
  if (after !== undefined) {
    throw refuse(
      'bad-filter',
      `${location}: pipeline "${name}": ${after.function} comes after ${TAKE_FIRST}.`,
      'Put take_first last: after it, lm-evaluation-harness filters single characters.',
    );
  }
  const filters = filter.map((step, index) => {
    try {
      return compileFilter(step);
    } catch (error) {
      throw explained(error, `${location}: pipeline "${name}", filter ${index + 1} (${step.function})`);
    }
  });
  return { name, filters };
};

/**
 * Compiles a rule before anything runs. Refuses, naming filter and `location` (the task's file): unknown filters and
 * settings, two pipelines of one name, filters after take_first, and regular expressions that are malformed or mean
 * something else in JavaScript.
 */
export const compileJudging = (rule: JudgingRule, location: string): Judging => {
  const names = rule.pipelines.map(({ name }) => name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined)
    throw refuse(
      'bad-filter',
      `${location}: two pipelines of filters are named "${twice}".`,
      'Give each a different name.',
    );
  try {
    return {
      rule,
      pipelines: rule.pipelines.map((pipeline) => compilePipeline(pipeline, location)),
      isMatch: compileExactMatch(rule.exactMatch),
    };
  } catch (error) {
    throw error instanceof WorkbenchError ? error : explained(error, `${location}: regexes_to_ignore`);
  }
};

/** Refuses items without options if a pipeline looks for an item's choices; `location` names them. */
export const requireOptions = ({ pipelines }: JudgingRule, items: readonly WrittenItem[], location: string): void => {
  if (!pipelines.some(({ filter }) => filter.some((step) => step.function === MULTI_CHOICE))) return;
  const item = items.find(({ options }) => options === undefined);
  if (item !== undefined)
    throw refuse(
      'bad-item',
      `${location}: item "${item.id}" has no options, which ${MULTI_CHOICE} needs.`,
      'Give every item its options (a column "choices" in a task of lm-evaluation-harness).',
    );
};

/**
 * Judges a model's text for an item by every pipeline in order; the first gives the task's own metric. Several texts
 * are several responses to the same item, which a pipeline must reduce to one. `hasEnded`: whether a stop string or an
 * end token ended the text. Pure. Refuses (`bad-filter`) a text that is too long for a regular expression or takes it
 * too long.
 */
export const judge = (
  judging: Judging,
  item: WrittenItem,
  written: string | readonly string[],
  hasEnded: boolean,
): readonly Judgement[] => {
  if (judging.rule.python !== undefined) throw new Error("only a task's own Python can judge its texts");
  const isByEnding = judging.rule.right === 'ended';
  return judging.pipelines.map(({ name, filters }) => {
    const location = `item "${item.id}", pipeline "${name}"`;
    try {
      const responses = filters.reduce<readonly string[]>(
        (left, filter) => filter(left, item.options ?? []),
        typeof written === 'string' ? [written] : written,
      );
      const [filtered] = responses;
      if (filtered === undefined || responses.length > 1)
        throw new FilterFault(`${responses.length} responses are left`, 'End the pipeline with take_first.');
      if (isByEnding) return { metric: 'ending', filtered, correct: hasEnded };
      return { metric: `exact_match,${name}`, filtered, correct: judging.isMatch(filtered, item.answers) };
    } catch (error) {
      throw explained(error, location);
    }
  });
};

/** The judgement of the first pipeline, which gives the metric. */
export const judgeFirst = (
  judging: Judging,
  item: WrittenItem,
  text: string,
  hasEnded: boolean,
): Pick<Judgement, 'filtered' | 'correct'> => {
  const first = at(judge(judging, item, text, hasEnded), 0, 'a rule without pipelines');
  return { filtered: first.filtered, correct: first.correct };
};
