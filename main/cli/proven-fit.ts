import { fitSentence } from '../words/fit.ts';
import { withRunNamed } from './open-engine.ts';
import { terminalText } from './terminal-text.ts';
import type { OptionReader, VerbHost, VerbResult } from './verb.ts';

/** Proves by the stored answers that a search was tested after its choice. */
export const proveFitted = (reader: OptionReader, host: VerbHost): Promise<VerbResult> =>
  withRunNamed(reader, host, async (engine, run) => {
    const proof = await engine.call('fit.verify', { run });
    const document = await engine.call('fit.read', { run });
    const text = [
      terminalText(fitSentence(document)),
      proof.ok
        ? `The choice came before the test: ${proof.answers} stored test answers have its hash in their ` +
          'keys, and the results follow from them.'
        : 'That the choice came before the test is NOT proven:',
      ...proof.problems.map((problem) => `- ${terminalText(problem)}`),
    ].join('\n');
    return { document: proof, text, failed: !proof.ok };
  });
