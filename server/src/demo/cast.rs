//! Who can sign in to the demo.

/// The password of every demo account: printed beside the sign-in names.
pub const PASSWORD: &str = "datong-hutong-2026";

/// Where a post of the cast is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    /// the city's government
    CityGovernment,
    /// the city's civil-affairs bureau
    CityBureau,
    /// the government of 平城区
    DistrictGovernment,
    /// the civil-affairs bureau of 平城区
    DistrictBureau,
    /// 永泰街道办事处
    Street,
    /// the committee of the first demo community
    Community,
    /// the grid of the first demo community
    Grid,
    /// the grid of the second demo community
    OtherGrid,
}

/// A made-up member of staff with credentials.
#[derive(Clone, Copy, Debug)]
pub struct SignIn {
    /// what is typed
    pub login: &'static str,
    /// full name
    pub name: &'static str,
    /// key of the built-in role
    pub role: &'static str,
    /// posts: where, title, role in it; none for the administrator
    pub posts: &'static [(At, &'static str, &'static str)],
}

/// The cast, in the order it is printed.
pub const SIGN_INS: &[SignIn] = &[
    SignIn {
        login: "admin",
        name: "系统管理员",
        role: "administrator",
        posts: &[(At::CityGovernment, "系统管理员", "administrator")],
    },
    SignIn {
        login: "liuhui", name: "刘慧", role: "manager", posts: &[(At::CityBureau, "养老服务科经办", "manager")]
    },
    SignIn {
        login: "lijing", name: "李静", role: "manager", posts: &[(At::DistrictBureau, "民政经办", "manager")]
    },
    SignIn {
        login: "wangjianping",
        name: "王建平",
        role: "leader",
        posts: &[(At::DistrictGovernment, "副区长", "leader")],
    },
    SignIn {
        login: "zhangmin",
        name: "张敏",
        role: "office_worker",
        posts: &[(At::Street, "民政干事", "office_worker")],
    },
    SignIn {
        login: "zhaoxiuying",
        name: "赵秀英",
        role: "office_worker",
        posts: &[(At::Community, "社区工作者", "office_worker")],
    },
    SignIn {
        login: "sunxiaodong", name: "孙晓东", role: "grid_worker", posts: &[(At::Grid, "网格员", "grid_worker")]
    },
    SignIn {
        login: "zhouhaiyan",
        name: "周海燕",
        role: "grid_worker",
        posts: &[(At::OtherGrid, "网格员", "grid_worker"), (At::Street, "社会事务岗", "office_worker")],
    },
    SignIn { login: "chenlihua", name: "陈丽华", role: "clerk", posts: &[(At::Street, "窗口受理员", "clerk")] },
];
