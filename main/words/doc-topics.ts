/** A page of `resources/docs`. */
export interface DocTopic {
  /** Its file's name without the ending: what `uncurl help NAME` takes. */
  readonly name: string;
  readonly title: string;
  /** The question that the page answers. */
  readonly question: string;
}

const INDEX_LINE = /^- \[(?<title>[^\]]+)\]\((?<name>[a-z-]+)\.md\): (?<question>.+)$/;

/** The pages that the index (`resources/docs/README.md`) lists, in its order. */
export const docTopics = (index: string): readonly DocTopic[] =>
  index.split('\n').flatMap((line) => {
    const { title, name, question } = INDEX_LINE.exec(line)?.groups ?? {};
    return title === undefined || name === undefined || question === undefined ? [] : [{ name, title, question }];
  });

/** A page as it is read: without the marks between which `npm run docs` writes its tables. */
export const readablePage = (markdown: string): string => markdown.replaceAll(/^<!--.*?-->\n/gm, '');
