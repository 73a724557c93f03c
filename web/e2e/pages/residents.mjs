// What a resident does, without an account and without script, and what a worker does with it.

export class Resident {
  constructor(page, url) {
    this.page = page;
    this.url = url;
    page.on("request", (request) => {
      if (request.method() === "POST") this.sent = { url: request.url(), data: request.postData() };
    });
  }

  /** From the services of the city to the form: the community is searched, the service chosen. */
  async services(community) {
    await this.page.goto(`${this.url}/services`);
    await this.page.getByRole("searchbox").fill(community);
    await this.press("搜索");
    await this.follow(community);
  }

  async follow(text) {
    await this.page.locator(".choice-links a", { hasText: text }).click();
    await this.page.waitForLoadState();
  }

  async press(name) {
    await this.page.getByRole("button", { name, exact: true }).click();
    await this.page.waitForLoadState();
  }

  async fill({ name, number, phone, alone, contact, needs = [], remarks }) {
    const { page } = this;
    if (name !== undefined) await page.getByLabel("老人姓名").fill(name);
    if (number !== undefined) await page.getByLabel("身份证号").fill(number);
    if (phone !== undefined) await page.getByLabel("联系电话").fill(phone);
    if (alone !== undefined) await this.tick("是否独居", alone ? "是" : "否");
    if (contact !== undefined) await page.getByLabel("紧急联系人").fill(contact);
    for (const need of needs) await this.tick("需要什么帮助", need);
    if (remarks !== undefined) await page.getByLabel("备注").fill(remarks);
  }

  async tick(group, label) {
    await this.page.getByRole("group", { name: group }).getByText(label, { exact: true }).click();
  }

  /** The last form once more, as a second tap on a slow line sends it; the page it leads to. */
  async again() {
    const { url, data } = this.sent;
    const answer = await this.page.context().request.post(url, { data, headers: { "Content-Type": "application/x-www-form-urlencoded", Origin: new URL(url).origin } });
    return { status: answer.status(), text: await answer.text() };
  }

  /** The query code, and the number of the slip. */
  async slip() {
    const text = await this.page.textContent("main");
    return { code: (await this.page.textContent(".code")).trim(), number: text.match(/提交凭证号\s*(\d{6}-[A-Z0-9]{6})/)[1] };
  }

  async query(code) {
    await this.page.goto(`${this.url}/query`);
    await this.page.getByLabel("查询码").fill(code);
    await this.press("看进度");
  }
}

export class Case {
  constructor(page, url) {
    this.page = page;
    this.url = url;
  }

  /** Opens it from the list of what is to be done. */
  async open(label) {
    await this.page.goto(`${this.url}/`);
    await this.page.locator(".todos .todo", { hasText: label }).getByRole("link").first().click();
    await this.page.waitForURL(/\/cases\//);
  }

  async press(name) {
    await this.page.getByRole("button", { name, exact: true }).click();
    await this.page.waitForLoadState();
  }

  async askCorrection(field, words) {
    const way = this.page.locator(".ways details", { has: this.page.locator("[name=fields]") });
    await way.locator("summary").click();
    await way.getByText(field, { exact: true }).click();
    await way.getByLabel("请居民改什么").fill(words);
    await way.getByRole("button").click();
    await this.page.waitForLoadState();
  }

  async accept(words) {
    await this.page.getByLabel("告诉居民的话").fill(words);
    await this.press("采纳并答复");
  }
}

/** Bytes of HTML, styles and scripts that a first visitor of an address loads, script on, as they come over the line. */
export async function weigh(house, from, path) {
  const context = await house.browser.newContext({ storageState: await from.context().storageState() });
  const page = await context.newPage();
  const line = await context.newCDPSession(page);
  await line.send("Network.enable");
  const kinds = new Map();
  let bytes = 0;
  line.on("Network.responseReceived", ({ requestId, type }) => kinds.set(requestId, type));
  line.on("Network.loadingFinished", ({ requestId, encodedDataLength }) => {
    if (["Document", "Stylesheet", "Script"].includes(kinds.get(requestId))) bytes += encodedDataLength;
  });
  const answer = await page.goto(house.url + path, { waitUntil: "networkidle" });
  const loaded = [...kinds.values()];
  await context.close();
  return { status: answer.status(), bytes, loaded };
}
