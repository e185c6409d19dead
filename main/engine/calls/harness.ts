import { refuse, serialiseError } from '../../contract/errors.ts';
import type { HarnessEntry, HarnessFacts } from '../../contract/harness.ts';
import { nearestName } from '../../contract/nearest-name.ts';
import { searchTasks, tasksBelow } from '../../harness/task-list.ts';
import { countedItems, type DataSetCard, readDataSetCard } from '../../hub/data-set.ts';
import { createHubClient } from '../../hub/hub-client.ts';
import type { HubSettings } from '../../hub/hub-settings.ts';
import type { AnswersTo } from '../engine-context.ts';
import type { HarnessWork } from '../harness-work.ts';

/** Names that a search shows. */
const MOST_FOUND = 60;

/** Items of all these tasks, whose data set has this card; null where it does not count all. */
const countAll = (card: DataSetCard, entries: readonly HarnessEntry[]): HarnessFacts['items'] => {
  let [test, calibration] = [0, 0];
  for (const { dataName, test: testSplit, calibration: calibrationSplit } of entries) {
    const tested = countedItems(card, dataName, testSplit);
    const others = calibrationSplit === '' ? 0 : countedItems(card, dataName, calibrationSplit);
    if (tested === null || others === null) return null;
    test += tested;
    calibration += others;
  }
  return { test, calibration };
};

/** The listed entry of a name. @throws WorkbenchError refused: `harness-refused`. */
const entryNamed = (tasks: readonly HarnessEntry[], name: string): HarnessEntry => {
  const entry = tasks.find((task) => task.name === name);
  if (entry !== undefined) return entry;
  const near = nearestName(
    name,
    tasks.map((task) => task.name),
  );
  const hint = near === null ? 'Search for a part of it.' : `Did you mean "${near}"?`;
  throw refuse('harness-refused', `lm-evaluation-harness has no task "${name}".`, hint);
};

/** Calls about tasks of lm-evaluation-harness. `hub`: the Hub as it is set now. */
export const harnessCalls = (work: HarnessWork, hub: () => Promise<HubSettings>): AnswersTo<'harness'> => ({
  'harness.state': () => work.state(),
  'harness.listNames': () => work.list(),
  'harness.cancel': () => work.cancel(),
  'harness.import': async (order) => {
    // Names alone: a path would be a file that the page was not granted.
    const { tasks } = await work.listed();
    for (const name of order.names) entryNamed(tasks, name);
    return work.import(order);
  },
  'harness.search': async ({ query }) => {
    const { tasks } = await work.listed();
    return searchTasks(tasks, query, MOST_FOUND);
  },
  'harness.look': async ({ name }, signal) => {
    const { tasks } = await work.listed();
    const entry = entryNamed(tasks, name);
    const below = tasksBelow(tasks, name);
    const [data = '', ...others] = new Set((below ?? [entry]).map((one) => one.data));
    if (data === '') return { entry, items: null, licence: '', unread: null };
    try {
      const card = await readDataSetCard(
        createHubClient(await hub(), `The card of ${data} is to be read`),
        data,
        signal,
      );
      const items = below === null || others.length > 0 ? null : countAll(card, below);
      return { entry, items, licence: card.licence, unread: null };
    } catch (error) {
      if (signal.aborted) throw error;
      return { entry, items: null, licence: '', unread: serialiseError(error).message };
    }
  },
});
