import { chromium, type Page } from 'playwright-core';

/** Takes pictures of web pages. */
export interface Camera {
  /**
   * @param ready Text that is there when the page has loaded.
   * @param tab Of a workflow's page, as in its address, instead of the history.
   * @param top Text to scroll to.
   */
  take(url: string, file: string, options: { ready: string; tab?: string; top?: string }): Promise<void>;
  close(): Promise<void>;
}

const VIEW = { width: 1280, height: 860 };
/** As a person chooses them with the gear below the list. */
const LIST_COLUMNS = JSON.stringify({ default: ['Status', 'HeraldStatus', 'HeraldAgent', 'Workflow ID', 'Start'].map((label) => ({ label })) });
const LOADED_WITHIN_MS = 30_000;
/** Pictures and fonts come after the text. */
const SETTLE_MS = 1500;

/** @param executablePath Of a Chromium. */
export async function openCamera(executablePath: string): Promise<Camera> {
  const browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-dev-shm-usage'] });
  const page: Page = await browser.newPage({ viewport: VIEW, colorScheme: 'light' });
  await page.addInitScript((columns) => localStorage.setItem('namespace-workflow-table-columns', columns), LIST_COLUMNS);
  return {
    async take(url, file, { ready, tab, top }) {
      await page.goto(url);
      if (tab !== undefined) {
        await page.waitForURL(/\/history/, { timeout: LOADED_WITHIN_MS });
        await page.goto(page.url().replace(/\/history.*/, `/${tab}`));
      }
      await page.getByText(ready).first().waitFor({ timeout: LOADED_WITHIN_MS });
      if (top !== undefined) await page.getByText(top).first().evaluate((element) => element.scrollIntoView());
      await page.waitForTimeout(SETTLE_MS);
      await page.screenshot({ path: file });
    },
    close: () => browser.close(),
  };
}
