import { z } from 'zod';

/** A tag is one word: the filter and the command line part words at spaces and commas. */
export const runTag = z.string().regex(/^[^\s,#]{1,40}$/, 'a tag is one word of at most 40 letters without # or comma');

/** What a person says about a run. It lies beside the manifest, in no content key, and may change at any time. */
export const runLabel = z.object({
  /** Null: the title that the run gave itself. */
  name: z.string().min(1).max(200).nullable(),
  note: z.string().max(10_000),
  tags: z.array(runTag).max(32),
  /** Hidden from lists unless they are asked for it. */
  archived: z.boolean(),
});
export type RunLabel = z.infer<typeof runLabel>;

export const NO_LABEL: RunLabel = { name: null, note: '', tags: [], archived: false };

/** What of a label to change; the rest stays. */
export const runLabelChange = runLabel.partial();
export type RunLabelChange = z.infer<typeof runLabelChange>;

/** A run's label in a list: with the reason where its file cannot be read, so that it is not taken for empty. */
export const listedLabel = runLabel.extend({ unreadable: z.string().optional() });
export type ListedLabel = z.infer<typeof listedLabel>;

/** The name of a run as lists show it: its person's, else the title that it gave itself. */
export const runName = ({
  title,
  label,
}: {
  readonly title: string;
  readonly label?: ListedLabel | undefined;
}): string => label?.name ?? title;

/** Tags that a person typed, parted by spaces or commas; a leading # is theirs, and each counts once. */
export const tagsIn = (typed: string): readonly string[] => [
  ...new Set(
    typed
      .split(/[\s,]+/)
      .map((word) => word.replace(/^#+/, ''))
      .filter((word) => word !== ''),
  ),
];
