//! Accounts, scale credentials and tokens for showing the product. What they return is secret, and the caller's to keep.

use std::sync::{Mutex, PoisonError};

use access::Grant;
use base::{AccountId, ActorId, BookId, SubjectId, UnitCode};
use kernel::{AdminError, AppendError, Kernel, NewAccount, NewDevice, NewToken};
use line_market::state;
use registry::PostHeld;

use crate::days::parse;
use crate::{Error, actor};

/// An account, what it may do, and the post that it holds.
struct Role {
    account: &'static str,
    title: &'static str,
    unit: &'static str,
    role: &'static str,
    line: Option<&'static str>,
    subject: Option<&'static str>,
    post: Option<&'static str>,
}

const ROLES: [Role; 11] = [
    Role {
        account: "beiyuan.operator",
        title: "北园农贸市场管理方",
        unit: "beiyuan",
        role: "operator",
        line: Some("market"),
        subject: None,
        post: Some("post:beiyuan/operator"),
    },
    Role {
        account: "beiyuan.m001",
        title: "001号经营户（蔬菜）",
        unit: "beiyuan",
        role: "merchant",
        line: Some("market"),
        subject: Some("merchant:beiyuan/m001"),
        post: None,
    },
    Role {
        account: "decheng.inspector",
        title: "德城区市场监管检测岗",
        unit: "371402",
        role: "inspector",
        line: Some("market"),
        subject: None,
        post: Some("post:decheng-shijianju/inspector"),
    },
    Role {
        account: "dezhou.leader",
        title: "分管市场市领导",
        unit: "371400",
        role: "leader",
        line: None,
        subject: None,
        post: Some("post:371400/markets-leader"),
    },
    Role {
        account: "leling.leader",
        title: "乐陵市市长",
        unit: "371481",
        role: "leader",
        line: None,
        subject: None,
        post: Some("post:371481/mayor"),
    },
    Role {
        account: "leling.projects",
        title: "乐陵市重点项目办",
        unit: "leling-zhongdianban",
        role: "planner",
        line: Some("projects"),
        subject: None,
        post: Some("post:leling-zhongdianban/chief"),
    },
    Role {
        account: "leling.agent",
        title: "乐陵市项目代办员",
        unit: "leling-zhongdianban",
        role: "agent",
        line: Some("projects"),
        subject: None,
        post: Some("post:leling-zhongdianban/agent"),
    },
    Role {
        account: "jingkai.planner",
        title: "经开区重点项目办",
        unit: "jingkai-zhongdianban",
        role: "planner",
        line: Some("projects"),
        subject: None,
        post: Some("post:jingkai-zhongdianban/chief"),
    },
    Role {
        account: "jingkai.team",
        title: "经开区项目专班",
        unit: "jingkai-zhongdianban",
        role: "team",
        line: Some("projects"),
        subject: Some("post:jingkai-zhongdianban/team"),
        post: Some("post:jingkai-zhongdianban/team"),
    },
    Role {
        account: "jingkai.permits",
        title: "经开区审批服务岗",
        unit: "jingkai-zhongdianban",
        role: "agent",
        line: Some("projects"),
        subject: None,
        post: Some("post:jingkai-zhongdianban/permits"),
    },
    Role {
        account: "leling.team",
        title: "乐陵市001号项目专班",
        unit: "leling-zhongdianban",
        role: "team",
        line: Some("projects"),
        subject: Some("post:leling-zhongdianban/team-001"),
        post: Some("post:leling-zhongdianban/team-001"),
    },
];

/// Adds the demonstration's accounts with generated passwords, and returns those that were added now: account, password
/// and title of the role. Accounts that are there keep their passwords, which nobody can read again.
pub fn accounts(kernel: &Kernel) -> Result<Vec<(AccountId, String, String)>, Error> {
    let by = actor();
    let known: Vec<AccountId> = kernel.accounts()?.into_iter().map(|row| row.account).collect();
    let mut added = Vec::new();
    for role in &ROLES {
        let account = AccountId::new(role.account).expect("the demonstration's accounts have valid names");
        let unit = UnitCode::new(role.unit).expect("the demonstration's units have valid codes");
        if !known.contains(&account) {
            let password = password(kernel)?;
            let new =
                NewAccount { account: account.clone(), unit: unit.clone(), title: role.title.to_owned() };
            kernel.add_account(&by, new, Some(&password))?;
            added.push((account.clone(), password, role.title.to_owned()));
        }
        let id = |text| SubjectId::new(text).expect("the demonstration's subjects are well-formed");
        let grant = Grant {
            role: role.role.to_owned(),
            unit,
            line: role.line.map(str::to_owned),
            subject: role.subject.map(id),
        };
        let grantee = ActorId::new(format!("account:{account}")).expect("a short name");
        match kernel.give_grant(&by, &grantee, grant) {
            Ok(_) | Err(AppendError::Refused(AdminError::AlreadyGranted)) => {}
            Err(error) => return Err(error.into()),
        }
        if let Some(post) = role.post.map(id)
            && kernel.tree()?.holdings(&post).is_empty()
        {
            kernel.hold_post(&by, PostHeld { post, account, from: parse("2021-12-10"), until: None })?;
        }
    }
    Ok(added)
}

/// 80 random bits that can be typed: no letter looks like a digit.
fn password(kernel: &Kernel) -> Result<String, Error> {
    const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let drawn = kernel.append_blocking::<_, _, AdminError>(|desk| Ok(desk.secret()))?;
    let letters: Vec<char> =
        drawn.iter().take(16).map(|byte| char::from(LETTERS[usize::from(byte % 32)])).collect();
    let groups: Vec<String> = letters.chunks(4).map(|group| group.iter().collect()).collect();
    Ok(groups.join("-"))
}

/// Enrols every scale of a market that sells as a device, and returns the scales' numbers and credentials.
///
/// A device that is enrolled gets a new credential, and its old one dies: a caller that still has the credentials keeps
/// using them instead of calling this.
pub fn scale_credentials(kernel: &Kernel, book: &BookId) -> Result<Vec<(u32, String)>, Error> {
    /// Enrolments on their way at the same time: they are committed together.
    const AT_ONCE: usize = 16;
    let scales = kernel.read(|tx| state::scales(tx, book))?;
    let scales: Vec<u32> = scales.into_iter().filter(|scale| !scale.fair).map(|scale| scale.scale).collect();
    let devices = kernel.devices([book])?;
    let enrolled: Vec<&str> =
        devices.iter().filter(|row| !row.revoked).map(|row| row.device.as_str()).collect();
    let queue = Mutex::new(scales.into_iter());
    let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).next();
    let work = || {
        let mut issued = Vec::new();
        while let Some(scale) = next() {
            issued.push((scale, enrol(kernel, book, scale, &enrolled)?));
        }
        Ok::<_, Error>(issued)
    };
    let mut all = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..AT_ONCE).map(|_| scope.spawn(work)).collect();
        let mut all = Vec::new();
        for worker in workers {
            all.extend(worker.join().unwrap_or_else(|_| Err(Error::Append("an enrolment panicked".into())))?);
        }
        Ok::<_, Error>(all)
    })?;
    all.sort_unstable_by_key(|(scale, _)| *scale);
    Ok(all)
}

fn enrol(kernel: &Kernel, book: &BookId, scale: u32, enrolled: &[&str]) -> Result<String, Error> {
    let by = actor();
    let device = format!("scale-{scale}");
    if enrolled.contains(&device.as_str()) {
        kernel.revoke_device(&by, book, &device)?;
    }
    let subject = SubjectId::local("scale", book, &scale.to_string()).expect("a number is printable");
    let title = format!("{scale}号电子秤");
    let new = NewDevice { device, book: book.clone(), title, subject, role: "scale".to_owned() };
    Ok(kernel.issue_device(&by, new)?.credential.expect("an act without a key is never a repetition"))
}

/// Issues a token with which a program acts as the operator of a market's unit.
pub fn operator_token(kernel: &Kernel, book: &BookId) -> Result<String, Error> {
    let tree = kernel.tree()?;
    let unit =
        tree.unit_of_book(book).ok_or_else(|| Error::Append(format!("there is no book {book}")))?.clone();
    let grant =
        Grant { role: "operator".into(), unit: unit.clone(), line: Some("market".into()), subject: None };
    let new = NewToken { title: "演示模拟器".into(), unit, grants: vec![grant], expires: None };
    Ok(kernel.issue_token(&actor(), new)?.credential.expect("an act without a key is never a repetition"))
}
