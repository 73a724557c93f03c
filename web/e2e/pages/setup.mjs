// Set-up from nothing and the administrator's pages.
import { signIn } from "../house.mjs";

export const PASSWORD = "lu-mian-hen-chang-7";

export class SetUp {
  constructor(page, house) {
    this.page = page;
    this.house = house;
  }

  async fill({ name, province, city, cityCode }) {
    const { page, house } = this;
    await page.goto(`${house.url}/setup`);
    await page.fill("[name=code]", house.code);
    await page.fill("[name=name]", name);
    await page.fill("[name=address]", house.url);
    await page.selectOption("[name=province]", { label: province });
    if (city) await page.fill("[name=city]", city);
    if (cityCode) await page.fill("[name='city-code']", cityCode);
    await page.fill("[name=login]", "admin");
    await page.fill("[name=password]", PASSWORD);
    await page.fill("[name=again]", PASSWORD);
  }

  async send() {
    await this.page.click("form[action='/setup'] button");
    await this.page.waitForLoadState();
  }

  async signIn() {
    await signIn(this.page, this.house.url, "admin", PASSWORD);
    this.house.sessions.set("admin", await this.page.context().storageState());
  }

  /** Uploads a file and stays at what it would do. */
  async upload(kind, name, buffer) {
    await this.page.goto(`${this.house.url}/admin/${kind}`);
    await this.page.setInputFiles("[name=file]", { name, mimeType: "application/octet-stream", buffer });
    await this.page.click(`form[action='/admin/${kind}/upload'] button`);
    await this.page.waitForLoadState();
  }

  async apply(kind) {
    await this.page.click(`form[action='/admin/${kind}/apply'] button`);
    await this.page.locator(".sheet.good").waitFor({ timeout: 60000 });
  }

  /** Numbers of the page by what they count. */
  async figures() {
    return Object.fromEntries(await this.page.$$eval(".figure", (all) =>
      all.map((one) => [one.querySelector(".figure-label").textContent.trim(), Number(one.querySelector(".figure-value").textContent.replaceAll(",", ""))])));
  }

  /** Chooses in a tree picker by its search. */
  async choose(name, words, label) {
    const input = this.page.locator(`#f-${name}`);
    await input.fill(words);
    await this.page.locator(`#f-${name}-tree [role=treeitem]`, { hasText: label }).first().click();
  }
}

/** Takes the one-time password and sets a lasting one. */
export async function firstSignIn(page, url, login, once, lasting) {
  await signIn(page, url, login, once);
  await page.waitForURL(/\/password/);
  const fields = page.locator("main input[type=password]");
  const count = await fields.count();
  if (count === 3) await fields.nth(0).fill(once);
  await fields.nth(count - 2).fill(lasting);
  await fields.nth(count - 1).fill(lasting);
  await page.click("main form button:not([formaction])");
  await page.waitForLoadState();
}
