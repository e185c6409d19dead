import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { html, htmlAll } from '../../../main/report/html.ts';

/** Any code points, including control characters and lone surrogates. */
const anyText = fc.array(fc.nat({ max: 0x10ffff })).map((codes) => String.fromCodePoint(...codes));

describe('html', () => {
  it('nests elements, and closes only those with content', () => {
    expect(htmlAll([html('p', { class: 'a' }, 'x', html('br', {}), 1), html('meta', { charset: 'utf-8' })]).html).toBe(
      '<p class="a">x<br>1</p><meta charset="utf-8">',
    );
  });

  it('keeps text inside its element or attribute', () => {
    fc.assert(
      fc.property(anyText, anyText, (attribute, text) => {
        const written = html('p', { title: attribute }, text).html;
        const [, inside = '', content = ''] = /^<p title="([^"<>]*)">([^<>]*)<\/p>$/s.exec(written) ?? [];
        expect(written).toBe(`<p title="${inside}">${content}</p>`);
        expect(`${inside}${content}`.replace(/&(?:amp|lt|gt|quot|#39);/g, '')).not.toMatch(/[&<>"']/);
      }),
    );
    expect(html('p', {}, '<script>&"\'\u0000\ud800').html).toBe('<p>&lt;script&gt;&amp;&quot;&#39;\ufffd\ufffd</p>');
  });
});
