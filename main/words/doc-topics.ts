/** A page of `resources/docs`. */
export interface DocTopic {
  /** Its file's name without the ending: the NAME of `uncurl help NAME`. */
  readonly name: string;
  readonly title: string;
  /** The question that the page answers. */
  readonly question: string;
}

const INDEX_LINE = /^- \[(?<title>[^\]]+)\]\((?<name>[a-z-]+)\.md\): (?<question>.+)$/;

/** The pages listed in the index (`resources/docs/README.md`), in its order. */
export const docTopics = (index: string): readonly DocTopic[] =>
  index.split('\n').flatMap((line) => {
    const { title, name, question } = INDEX_LINE.exec(line)?.groups ?? {};
    return title === undefined || name === undefined || question === undefined ? [] : [{ name, title, question }];
  });

/** A page as shown to readers: without the marks around the tables that `npm run docs` writes. */
export const readablePage = (markdown: string): string => markdown.replaceAll(/^<!--.*?-->\n/gm, '');
