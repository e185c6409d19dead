import { present } from '../../main/contract/errors.ts';
import index from '../../resources/docs/README.md?raw';
import { docTopics, readablePage } from '../../main/words/doc-topics.ts';

/** The documentation pages, in the order of the index. */
export const topics = docTopics(index);

const pages = import.meta.glob<string>('../../resources/docs/*.md', { query: '?raw', import: 'default' });

/** The Markdown of a page, fetched when first opened. */
export const readPage = async (name: string): Promise<string> => {
  const load = present(pages[`../../resources/docs/${name}.md`], `resources/docs has no page "${name}"`);
  return readablePage(await load());
};
