import type { Question } from '../assemble-item.ts';
import type { DataRow } from '../data-row.ts';

/** A question without its id, or null for one that the task's rule leaves out. */
export type FormattedQuestion = Omit<Question, 'id'> | null;

/** One of the eight tasks: how its rows become the questions of lm-evaluation-harness's super_glue tasks. */
export interface SuperGlueFormat {
  readonly name: string;
  readonly title: string;
  /** What the description must say beyond the splits. */
  readonly note: string;
  /** The questions of a row; several where a row is a passage. Throws a zod error or a refusal for a row of another shape. */
  readonly questions: (row: DataRow) => readonly FormattedQuestion[];
}
