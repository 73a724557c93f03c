function e(t){t.dataset.ready="1"}export{e as mount};
