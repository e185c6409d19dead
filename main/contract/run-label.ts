import { z } from 'zod';

/** A tag is one word: the filter and the command line split words at spaces and commas. */
export const runTag = z.string().regex(/^[^\s,#]{1,40}$/, 'a tag is one word of at most 40 letters without # or comma');

/** The user's label of a run. Stored beside the manifest, part of no content key; may change at any time. */
export const runLabel = z.object({
  /** Null: the run's own title. */
  name: z.string().min(1).max(200).nullable(),
  note: z.string().max(10_000),
  tags: z.array(runTag).max(32),
  /** Hidden from lists by default. */
  archived: z.boolean(),
});
export type RunLabel = z.infer<typeof runLabel>;

export const NO_LABEL: RunLabel = { name: null, note: '', tags: [], archived: false };

/** The fields to change; the rest stays. */
export const runLabelChange = runLabel.partial();
export type RunLabelChange = z.infer<typeof runLabelChange>;

/** A run's label in a list: with the reason where its file cannot be read, so that it is not mistaken for empty. */
export const listedLabel = runLabel.extend({ unreadable: z.string().optional() });
export type ListedLabel = z.infer<typeof listedLabel>;

/** The name of a run as lists show it: the user's, or the run's own title. */
export const runName = ({
  title,
  label,
}: {
  readonly title: string;
  readonly label?: ListedLabel | undefined;
}): string => label?.name ?? title;

/** Tags in a typed text, separated by spaces or commas, with or without a leading #; duplicates removed. */
export const tagsIn = (typed: string): readonly string[] => [
  ...new Set(
    typed
      .split(/[\s,]+/)
      .map((word) => word.replace(/^#+/, ''))
      .filter((word) => word !== ''),
  ),
];
