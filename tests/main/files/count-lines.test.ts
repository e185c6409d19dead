import fc from 'fast-check';
import { expect, test } from 'vitest';
import { hasMoreLines, hasMoreLinesOfBytes } from '../../../main/files/count-lines.ts';

test('line ends are counted as splitting would find them, in texts and in bytes', () => {
  const pieces = fc.array(fc.constantFrom('\n', '\r', '\r\n', 'a', 'é', '\u2028'), { maxLength: 30 });
  fc.assert(
    fc.property(pieces, fc.nat(20), (parts, most) => {
      const text = parts.join('');
      const isMore = text.split(/\r\n|\r|\n/).length - 1 > most;
      expect(hasMoreLines(text, most)).toBe(isMore);
      expect(hasMoreLinesOfBytes(Buffer.from(text), most)).toBe(isMore);
    }),
  );
});
