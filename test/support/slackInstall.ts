import type { JsonAnswer } from './caller.ts';

/** A page of Herald's as a browser sees it. */
export interface Page {
  status: number;
  text: string;
  cookie: string | null;
}

export interface BegunInstall {
  page: Page;
  /** Where the page leads: Slack's own, on which somebody allows the app. */
  toSlack: string;
  /** Of the browser in which it began. */
  cookie: string;
}

/** Somebody's browser that installs the Slack app. */
export interface InstallingBrowser {
  open(url: string, cookie?: string): Promise<Page>;
  /** Follows the link that the API answered. */
  begin(started: JsonAnswer): Promise<BegunInstall>;
}

/** @param publicUrl What Herald thinks its address is, where it listens at `url`. */
export function installingBrowser(url: string, publicUrl = 'http://herald.test'): InstallingBrowser {
  async function open(address: string, cookie?: string): Promise<Page> {
    const response = await fetch(address.replace(publicUrl, url), { redirect: 'manual', headers: cookie ? { cookie } : {} });
    const setCookie = response.headers.get('set-cookie');
    return { status: response.status, text: await response.text(), cookie: setCookie?.split(';', 1)[0] ?? null };
  }
  return {
    open,
    async begin({ status, body }) {
      if (status !== 201) throw new Error(`the install could not begin: ${status} ${JSON.stringify(body)}`);
      const page = await open(String(body.url));
      const toSlack = /href="([^"]+)"/.exec(page.text)?.[1]?.replaceAll('&amp;', '&') ?? '';
      return { page, toSlack, cookie: page.cookie ?? '' };
    },
  };
}
