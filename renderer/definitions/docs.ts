import index from '../../resources/docs/README.md?raw';
import { docTopics, readablePage } from '../../main/words/doc-topics.ts';

/** The pages of the documentation, in the order of its index. */
export const topics = docTopics(index);

const pages = import.meta.glob<string>('../../resources/docs/*.md', { query: '?raw', import: 'default' });

/** The text of a page, in Markdown; fetched when it is first opened. */
export const readPage = async (name: string): Promise<string> => {
  const load = pages[`../../resources/docs/${name}.md`];
  if (load === undefined) throw new Error(`resources/docs has no page "${name}"`);
  return readablePage(await load());
};
