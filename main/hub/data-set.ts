import { z } from 'zod';
import { boundedList, boundedText, itemCount } from '../contract/bounds.ts';
import type { HubClient } from './hub-client.ts';
import { badAnswer, readJsonAnswer } from './repository.ts';

/** What the card of a data set says. */
export interface DataSetCard {
  /** Empty: it names none. */
  readonly licence: string;
  /** Items of each split, by configuration; absent where the card does not count them. */
  readonly items: ReadonlyMap<string, ReadonlyMap<string, number>>;
}

/** Characters of a licence's name. */
const MAX_LICENCE = 200;

const configuration = z.object({
  config_name: boundedText.optional(),
  splits: boundedList(z.object({ name: boundedText, num_examples: itemCount })).optional(),
});
const answer = z.object({
  cardData: z
    .object({
      license: z.union([boundedText, boundedList(boundedText)]).optional(),
      dataset_info: z.union([configuration, boundedList(configuration)]).optional(),
    })
    .nullish(),
});

/** Configuration of data sets that have one without a name. */
const ONLY = 'default';

/**
 * Reads what the Hub knows of a data set, without any of its files.
 *
 * @throws WorkbenchError those of the client, `hub-bad-answer`.
 */
export const readDataSetCard = async (
  client: HubClient,
  repository: string,
  signal: AbortSignal,
): Promise<DataSetCard> => {
  const at = repository.split('/').map(encodeURIComponent).join('/');
  const response = await client.request(`${client.endpoint}/api/datasets/${at}`, { signal, isRead: true });
  const parsed = answer.safeParse(await readJsonAnswer<unknown>(repository, () => response.json()));
  if (!parsed.success) throw badAnswer(repository, z.prettifyError(parsed.error));
  const { license = '', dataset_info: information = [] } = parsed.data.cardData ?? {};
  const items = new Map(
    (Array.isArray(information) ? information : [information]).flatMap(({ config_name: name = ONLY, splits }) =>
      splits === undefined
        ? []
        : [[name, new Map(splits.map(({ name: split, num_examples: count }) => [split, count]))] as const],
    ),
  );
  return { licence: (Array.isArray(license) ? license.join(', ') : license).slice(0, MAX_LICENCE), items };
};

/** Items of a split; null where the card does not count them. The configuration of a task without one is the only one. */
export const countedItems = ({ items }: DataSetCard, configurationName: string, split: string): number | null => {
  const named = configurationName === '' ? ONLY : configurationName;
  const [only] = items.size === 1 && configurationName === '' ? [...items.values()] : [];
  return (items.get(named) ?? only)?.get(split) ?? null;
};
