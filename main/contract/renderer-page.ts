/** The built page as every host serves it: files, content types and headers. */

const CONTENT_TYPES: Readonly<Record<string, string>> = {
  html: 'text/html; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  css: 'text/css; charset=utf-8',
  json: 'application/json',
  svg: 'image/svg+xml',
  png: 'image/png',
  ico: 'image/x-icon',
  woff2: 'font/woff2',
};

export interface RendererFile {
  /** Relative to the folder of the built page, segments joined by `/`. */
  readonly path: string;
  readonly contentType: string;
}

/** File names that a build writes; excludes dot files, `..`, drive letters, encodings and separators of any system. */
const SEGMENT = /^[A-Za-z0-9_][A-Za-z0-9_.-]*$/;

/** The file for a URL's path (undecoded), or null where there is nothing to serve. */
export const rendererFile = (pathname: string): RendererFile | null => {
  const path = pathname === '/' ? 'index.html' : pathname.slice(1);
  if (!pathname.startsWith('/') || !path.split('/').every((segment) => SEGMENT.test(segment))) return null;
  const extension = path.slice(path.lastIndexOf('.') + 1);
  const contentType = Object.hasOwn(CONTENT_TYPES, extension) ? CONTENT_TYPES[extension] : undefined;
  return contentType === undefined ? null : { path, contentType };
};

/**
 * Headers of every response. Nothing may be loaded from, embedded from or sent to any origin but the page's own (and
 * `connect`, where a browser does not count a WebSocket of the same origin as `'self'`).
 */
export const pageHeaders = (connect: readonly string[] = []): Readonly<Record<string, string>> => ({
  'Content-Security-Policy': [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    // blob: and data: for figures drawn by the page itself.
    "img-src 'self' blob: data:",
    "font-src 'self'",
    ["connect-src 'self'", ...connect].join(' '),
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; '),
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Permissions-Policy': 'camera=(), microphone=(), geolocation=(), usb=(), serial=(), hid=(), payment=()',
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
  'Cache-Control': 'no-cache',
});
