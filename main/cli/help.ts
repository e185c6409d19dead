import path from 'node:path';
import { refuse } from '../contract/errors.ts';
import { suggestion } from '../contract/nearest-name.ts';
import { readText } from '../files/regular-file.ts';
import { type DocTopic, docTopics, readablePage } from '../words/doc-topics.ts';
import { overview, type VerbGroup, verbHelp, wholeGroups } from './command.ts';
import { textList } from './terminal-text.ts';
import type { HelpGroup, Verb, VerbResult } from './verb.ts';
import { FIRST_GROUPS, verbGroups, verbs } from './verbs.ts';

/** Loads a verb. @throws WorkbenchError `bad-usage` naming the nearest verb. */
export const loadVerb = (name: string): Promise<Verb> => {
  const load = Object.hasOwn(verbs, name) ? verbs[name] : undefined;
  if (load === undefined)
    throw refuse('bad-usage', `There is no verb "${name}".`, suggestion(name, Object.keys(verbs)));
  return load();
};

/** Upper limit; a page has a few kilobytes. */
const MAX_PAGE_BYTES = 2 ** 20;

const readDoc = (resources: string, name: string): Promise<string> =>
  readText(path.join(resources, 'docs', `${name}.md`), { mostBytes: MAX_PAGE_BYTES });

/** Help of one verb. `width`: columns of the terminal. */
export const helpOnVerb = async (name: string, width: number | undefined): Promise<VerbResult> => {
  const verb = await loadVerb(name);
  const { usage, summary, options } = verb;
  return { document: { name, usage, summary, options }, text: verbHelp(verb, width) };
};

const topicList = (topics: readonly DocTopic[]): string =>
  `Topics (uncurl help TOPIC):\n${textList(topics.map(({ name, question }) => [`  ${name}`, question]))}`;

/** `uncurl help all`. */
const ALL = 'all';

const loadGroup = async ({ title, names }: HelpGroup): Promise<VerbGroup> => ({
  title,
  verbs: await Promise.all(names.map(loadVerb)),
});

/**
 * Answers `uncurl`, `uncurl --help` and `uncurl help [NAME]`: lists the first verbs, or `all`, and the topics; or shows
 * one verb, or one page of the documentation in `resources`.
 *
 * @throws WorkbenchError `bad-usage` where NAME is neither a verb nor a topic.
 */
export const helpOn = async (
  name: string | undefined,
  resources: string,
  width: number | undefined,
): Promise<VerbResult> => {
  if (name !== undefined && Object.hasOwn(verbs, name)) return helpOnVerb(name, width);
  const topics = docTopics(await readDoc(resources, 'README'));
  if (name === undefined || name === ALL) {
    const groups = wholeGroups(verbGroups, Object.keys(verbs), 'Other verbs');
    const shown = await Promise.all(groups.slice(0, name === ALL ? groups.length : FIRST_GROUPS).map(loadGroup));
    const further = groups.slice(shown.length);
    return {
      document: {
        verbs: shown.flatMap(({ title, verbs: grouped }) =>
          grouped.map((verb) => ({ group: title, name: verb.name, usage: verb.usage, summary: verb.summary })),
        ),
        further,
        topics,
      },
      text: `${overview(shown, width, further)}\n\n${topicList(topics)}`,
    };
  }
  const topic = topics.find((entry) => entry.name === name);
  if (topic === undefined) {
    const names = [...Object.keys(verbs), ...topics.map((entry) => entry.name)];
    throw refuse('bad-usage', `There is no verb or topic "${name}".`, suggestion(name, names));
  }
  const text = readablePage(await readDoc(resources, name)).trimEnd();
  return { document: { ...topic, text }, text };
};
