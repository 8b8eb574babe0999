//! NIST CAVP, SHA byte-oriented short messages (CAVS 11.0; SHA-256: CAVS 21.3); the examples of
//! FIPS 180-2, appendices A to D, and of the change notice for SHA-224; RFC 1321, appendix A.5;
//! RFC 2202 and RFC 4231 for HMAC.

use crate::crypto::mdha::Algorithm;

/// A message, as text or in hexadecimal, and its digest.
#[derive(Debug)]
pub(super) struct Hash {
    pub algorithm: Algorithm,
    pub message: Message,
    pub digest: &'static str,
}

/// Keys and messages as the documents give them.
#[derive(Debug)]
pub(super) enum Message {
    Text(&'static str),
    Hex(&'static str),
    Repeat(u8, usize),
}
use Message::{Hex, Repeat, Text};

/// A key and a message, and a MAC per algorithm. A MAC may be shorter than a digest.
#[derive(Debug)]
pub(super) struct Mac {
    pub key: Message,
    pub message: Message,
    pub macs: &'static [(Algorithm, &'static str)],
}

const fn hash(algorithm: Algorithm, message: Message, digest: &'static str) -> Hash {
    Hash { algorithm, message, digest }
}

pub(super) const CAVP_SHORT: &[Hash] = &[
    hash(Algorithm::Sha1, Hex(""), "da39a3ee5e6b4b0d3255bfef95601890afd80709"),
    hash(Algorithm::Sha1, Hex("36"), "c1dfd96eea8cc2b62785275bca38ac261256e278"),
    hash(Algorithm::Sha1, Hex("195a"), "0a1c2d555bbe431ad6288af5a54f93e0449c9232"),
    hash(Algorithm::Sha1, Hex("df4bd2"), "bf36ed5d74727dfd5d7854ec6b1d49468d8ee8aa"),
    hash(Algorithm::Sha224, Hex(""), "d14a028c2a3a2bc9476102bb288234c415a2b01f828ea62ac5b3e42f"),
    hash(Algorithm::Sha224, Hex("84"), "3cd36921df5d6963e73739cf4d20211e2d8877c19cff087ade9d0e3a"),
    hash(
        Algorithm::Sha224,
        Hex("5c7b"),
        "daff9bce685eb831f97fc1225b03c275a6c112e2d6e76f5faf7a36e6",
    ),
    hash(
        Algorithm::Sha224,
        Hex("51ca3d"),
        "2c8959023515476e38388abb43599a29876b4b33d56adc06032de3a2",
    ),
    hash(
        Algorithm::Sha256,
        Hex(""),
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    ),
    hash(
        Algorithm::Sha256,
        Hex("9e"),
        "35af2d15ebde4d67b29569ec19749e813c76f02286afc5a2a9871c2bfbdaab32",
    ),
    hash(
        Algorithm::Sha256,
        Hex("ce56"),
        "cb8f96c222056053967f74a93fb0ed4088f25ab4cc0358aa80bc1e1428e9fb0e",
    ),
    hash(
        Algorithm::Sha256,
        Hex(
            "177df9f1768f798c8ec59a1f36ed02856a62b090403090511e794d932b1867a90383856aaff60c79d4cef0ca2a33cb6130f92c5d1fc831",
        ),
        "34416b20eef5474b6602ef98fb0b5f018086805b7b2df3ef1d4635502f631642",
    ),
    hash(
        Algorithm::Sha256,
        Hex(
            "08f645ff0f9a765593bd419ff60a308d3b4e70e816388577455d3c1f237ee14d7b0eb3999aef95a3a87d064138cd53dd1d360b187f11b4b3",
        ),
        "76f082a9a8e45c02a376ee1b42629cfb5db30e0ba1632f19cd28c96363f9da66",
    ),
    hash(
        Algorithm::Sha256,
        Hex(
            "c3e81f34b716b165addda4fce195ba39e3a496ccf44f3746b3d0c0cef9a87a1501361b8ccc8949d4c3735a759fde5ed486635f5f7619e70be7abc300acae07",
        ),
        "2775a3f9bb46a4fda00eef650b45db52a8e8c948b6eff3b7a8206544de4f3ba0",
    ),
    hash(
        Algorithm::Sha256,
        Hex(
            "3d007ab1483de3511ce9a7edc7a9610bcacac0ec6f3d7cb45de08fcc6a00a185b01bc4fee3ea6147e29e72c68b6bf2dad44392bf17e4aeb2ae147f55c02b9254",
        ),
        "b9e850d487a74e6b8e07330b7648b6c1aa84cdcc16b238c96d47613de313e2f9",
    ),
    hash(
        Algorithm::Sha384,
        Hex(""),
        "38b060a751ac96384cd9327eb1b1e36a21fdb71114be07434c0cc7bf63f6e1da274edebfe76f65fbd51ad2f14898b95b",
    ),
    hash(
        Algorithm::Sha384,
        Hex("c5"),
        "b52b72da75d0666379e20f9b4a79c33a329a01f06a2fb7865c9062a28c1de860ba432edfd86b4cb1cb8a75b46076e3b1",
    ),
    hash(
        Algorithm::Sha384,
        Hex("6ece"),
        "53d4773da50d8be4145d8f3a7098ff3691a554a29ae6f652cc7121eb8bc96fd2210e06ae2fa2a36c4b3b3497341e70f0",
    ),
    hash(
        Algorithm::Sha384,
        Hex("1fa4d5"),
        "e4ca4663dff189541cd026dcc056626419028774666f5b379b99f4887c7237bdbd3bea46d5388be0efc2d4b7989ab2c4",
    ),
    hash(
        Algorithm::Sha512,
        Hex(""),
        "cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e",
    ),
    hash(
        Algorithm::Sha512,
        Hex("21"),
        "3831a6a6155e509dee59a7f451eb35324d8f8f2df6e3708894740f98fdee23889f4de5adb0c5010dfb555cda77c8ab5dc902094c52de3278f35a75ebc25f093a",
    ),
    hash(
        Algorithm::Sha512,
        Hex("9083"),
        "55586ebba48768aeb323655ab6f4298fc9f670964fc2e5f2731e34dfa4b0c09e6e1e12e3d7286b3145c61c2047fb1a2a1297f36da64160b31fa4c8c2cddd2fb4",
    ),
    hash(
        Algorithm::Sha512,
        Hex("0a55db"),
        "7952585e5330cb247d72bae696fc8a6b0f7d0804577e347d99bc1b11e52f384985a428449382306a89261ae143c2f3fb613804ab20b42dc097e5bf4a96ef919b",
    ),
];

pub(super) const EXAMPLES: &[Hash] = &[
    hash(Algorithm::Md5, Text(""), "d41d8cd98f00b204e9800998ecf8427e"),
    hash(Algorithm::Md5, Text("a"), "0cc175b9c0f1b6a831c399e269772661"),
    hash(Algorithm::Md5, Text("abc"), "900150983cd24fb0d6963f7d28e17f72"),
    hash(Algorithm::Md5, Text("message digest"), "f96b697d7cb7938d525a2f31aaf161d0"),
    hash(Algorithm::Md5, Text("abcdefghijklmnopqrstuvwxyz"), "c3fcd3d76192e4007dfb496cca67e13b"),
    hash(
        Algorithm::Md5,
        Text("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"),
        "d174ab98d277d9f5a5611c2c9f419d9f",
    ),
    hash(
        Algorithm::Md5,
        Text("12345678901234567890123456789012345678901234567890123456789012345678901234567890"),
        "57edf4a22be3c955ac49da2e2107b67a",
    ),
    hash(Algorithm::Sha1, Text("abc"), "a9993e364706816aba3e25717850c26c9cd0d89d"),
    hash(
        Algorithm::Sha1,
        Text("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
        "84983e441c3bd26ebaae4aa1f95129e5e54670f1",
    ),
    hash(Algorithm::Sha1, Repeat(b'a', 1_000_000), "34aa973cd4c4daa4f61eeb2bdbad27316534016f"),
    hash(
        Algorithm::Sha224,
        Text("abc"),
        "23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7",
    ),
    hash(
        Algorithm::Sha224,
        Text("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
        "75388b16512776cc5dba5da1fd890150b0c6455cb4f58b1952522525",
    ),
    hash(
        Algorithm::Sha224,
        Repeat(b'a', 1_000_000),
        "20794655980c91d8bbb4c1ea97618a4bf03f42581948b2ee4ee7ad67",
    ),
    hash(
        Algorithm::Sha256,
        Text("abc"),
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    ),
    hash(
        Algorithm::Sha256,
        Text("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
    ),
    hash(
        Algorithm::Sha256,
        Repeat(b'a', 1_000_000),
        "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0",
    ),
    hash(
        Algorithm::Sha384,
        Text("abc"),
        "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7",
    ),
    hash(
        Algorithm::Sha384,
        Text(
            "abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu",
        ),
        "09330c33f71147e83d192fc782cd1b4753111b173b3b05d22fa08086e3b0f712fcc7c71a557e2db966c3e9fa91746039",
    ),
    hash(
        Algorithm::Sha384,
        Repeat(b'a', 1_000_000),
        "9d0e1809716474cb086e834e310a4a1ced149e9c00f248527972cec5704c2a5b07b8b3dc38ecc4ebae97ddd87f3d8985",
    ),
    hash(
        Algorithm::Sha512,
        Text("abc"),
        "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
    ),
    hash(
        Algorithm::Sha512,
        Text(
            "abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu",
        ),
        "8e959b75dae313da8cf4f72814fc143f8f7779c6eb9f7fa17299aeadb6889018501d289e4900f7e4331b99dec4b5433ac7d329eeb6dd26545e96e55b874be909",
    ),
    hash(
        Algorithm::Sha512,
        Repeat(b'a', 1_000_000),
        "e718483d0ce769644e2e42c7bc15b4638e1f98b13b2044285632a803afa973ebde0ff244877ea60a4cb0432ce577c31beb009c5c2c49aa2e4eadb217ad8cc09b",
    ),
];

pub(super) const RFC_2202: &[Mac] = &[
    Mac {
        key: Repeat(0x0b, 16),
        message: Text("Hi There"),
        macs: &[(Algorithm::Md5, "9294727a3638bb1c13f48ef8158bfc9d")],
    },
    Mac {
        key: Text("Jefe"),
        message: Text("what do ya want for nothing?"),
        macs: &[(Algorithm::Md5, "750c783e6ab0b503eaa86e310a5db738")],
    },
    Mac {
        key: Repeat(0xaa, 16),
        message: Repeat(0xdd, 50),
        macs: &[(Algorithm::Md5, "56be34521d144c88dbb8c733f0e8b3f6")],
    },
    Mac {
        key: Hex("0102030405060708090a0b0c0d0e0f10111213141516171819"),
        message: Repeat(0xcd, 50),
        macs: &[(Algorithm::Md5, "697eaf0aca3a3aea3a75164746ffaa79")],
    },
    Mac {
        key: Repeat(0x0c, 16),
        message: Text("Test With Truncation"),
        macs: &[(Algorithm::Md5, "56461ef2342edc00f9bab995690efd4c")],
    },
    Mac {
        key: Repeat(0xaa, 80),
        message: Text("Test Using Larger Than Block-Size Key - Hash Key First"),
        macs: &[(Algorithm::Md5, "6b1ab7fe4bd7bf8f0b62e6ce61b9d0cd")],
    },
    Mac {
        key: Repeat(0xaa, 80),
        message: Text("Test Using Larger Than Block-Size Key and Larger Than One Block-Size Data"),
        macs: &[(Algorithm::Md5, "6f630fad67cda0ee1fb1f562db3aa53e")],
    },
    Mac {
        key: Repeat(0x0b, 20),
        message: Text("Hi There"),
        macs: &[(Algorithm::Sha1, "b617318655057264e28bc0b6fb378c8ef146be00")],
    },
    Mac {
        key: Text("Jefe"),
        message: Text("what do ya want for nothing?"),
        macs: &[(Algorithm::Sha1, "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79")],
    },
    Mac {
        key: Repeat(0xaa, 20),
        message: Repeat(0xdd, 50),
        macs: &[(Algorithm::Sha1, "125d7342b9ac11cd91a39af48aa17b4f63f175d3")],
    },
    Mac {
        key: Hex("0102030405060708090a0b0c0d0e0f10111213141516171819"),
        message: Repeat(0xcd, 50),
        macs: &[(Algorithm::Sha1, "4c9007f4026250c6bc8414f9bf50c86c2d7235da")],
    },
    Mac {
        key: Repeat(0x0c, 20),
        message: Text("Test With Truncation"),
        macs: &[(Algorithm::Sha1, "4c1a03424b55e07fe7f27be1d58bb9324a9a5a04")],
    },
    Mac {
        key: Repeat(0xaa, 80),
        message: Text("Test Using Larger Than Block-Size Key - Hash Key First"),
        macs: &[(Algorithm::Sha1, "aa4ae5e15272d00e95705637ce8a3b55ed402112")],
    },
    Mac {
        key: Repeat(0xaa, 80),
        message: Text("Test Using Larger Than Block-Size Key and Larger Than One Block-Size Data"),
        macs: &[(Algorithm::Sha1, "e8e99d0f45237d786d6bbaa7965c7808bbff1a91")],
    },
];

pub(super) const RFC_4231: &[Mac] = &[
    Mac {
        key: Repeat(0x0b, 20),
        message: Text("Hi There"),
        macs: &[
            (Algorithm::Sha224, "896fb1128abbdf196832107cd49df33f47b4b1169912ba4f53684b22"),
            (Algorithm::Sha256, "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"),
            (
                Algorithm::Sha384,
                "afd03944d84895626b0825f4ab46907f15f9dadbe4101ec682aa034c7cebc59cfaea9ea9076ede7f4af152e8b2fa9cb6",
            ),
            (
                Algorithm::Sha512,
                "87aa7cdea5ef619d4ff0b4241a1d6cb02379f4e2ce4ec2787ad0b30545e17cdedaa833b7d6b8a702038b274eaea3f4e4be9d914eeb61f1702e696c203a126854",
            ),
        ],
    },
    Mac {
        key: Text("Jefe"),
        message: Text("what do ya want for nothing?"),
        macs: &[
            (Algorithm::Sha224, "a30e01098bc6dbbf45690f3a7e9e6d0f8bbea2a39e6148008fd05e44"),
            (Algorithm::Sha256, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"),
            (
                Algorithm::Sha384,
                "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e8e2240ca5e69e2c78b3239ecfab21649",
            ),
            (
                Algorithm::Sha512,
                "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737",
            ),
        ],
    },
    Mac {
        key: Repeat(0xaa, 20),
        message: Repeat(0xdd, 50),
        macs: &[
            (Algorithm::Sha224, "7fb3cb3588c6c1f6ffa9694d7d6ad2649365b0c1f65d69d1ec8333ea"),
            (Algorithm::Sha256, "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"),
            (
                Algorithm::Sha384,
                "88062608d3e6ad8a0aa2ace014c8a86f0aa635d947ac9febe83ef4e55966144b2a5ab39dc13814b94e3ab6e101a34f27",
            ),
            (
                Algorithm::Sha512,
                "fa73b0089d56a284efb0f0756c890be9b1b5dbdd8ee81a3655f83e33b2279d39bf3e848279a722c806b485a47e67c807b946a337bee8942674278859e13292fb",
            ),
        ],
    },
    Mac {
        key: Hex("0102030405060708090a0b0c0d0e0f10111213141516171819"),
        message: Repeat(0xcd, 50),
        macs: &[
            (Algorithm::Sha224, "6c11506874013cac6a2abc1bb382627cec6a90d86efc012de7afec5a"),
            (Algorithm::Sha256, "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"),
            (
                Algorithm::Sha384,
                "3e8a69b7783c25851933ab6290af6ca77a9981480850009cc5577c6e1f573b4e6801dd23c4a7d679ccf8a386c674cffb",
            ),
            (
                Algorithm::Sha512,
                "b0ba465637458c6990e5a8c5f61d4af7e576d97ff94b872de76f8050361ee3dba91ca5c11aa25eb4d679275cc5788063a5f19741120c4f2de2adebeb10a298dd",
            ),
        ],
    },
    Mac {
        key: Repeat(0x0c, 20),
        message: Text("Test With Truncation"),
        macs: &[
            (Algorithm::Sha224, "0e2aea68a90c8d37c988bcdb9fca6fa8"),
            (Algorithm::Sha256, "a3b6167473100ee06e0c796c2955552b"),
            (Algorithm::Sha384, "3abf34c3503b2a23a46efc619baef897"),
            (Algorithm::Sha512, "415fad6271580a531d4179bc891d87a6"),
        ],
    },
    Mac {
        key: Repeat(0xaa, 131),
        message: Text("Test Using Larger Than Block-Size Key - Hash Key First"),
        macs: &[
            (Algorithm::Sha224, "95e9a0db962095adaebe9b2d6f0dbce2d499f112f2d2b7273fa6870e"),
            (Algorithm::Sha256, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"),
            (
                Algorithm::Sha384,
                "4ece084485813e9088d2c63a041bc5b44f9ef1012a2b588f3cd11f05033ac4c60c2ef6ab4030fe8296248df163f44952",
            ),
            (
                Algorithm::Sha512,
                "80b24263c7c1a3ebb71493c1dd7be8b49b46d1f41b4aeec1121b013783f8f3526b56d037e05f2598bd0fd2215d6a1e5295e64f73f63f0aec8b915a985d786598",
            ),
        ],
    },
    Mac {
        key: Repeat(0xaa, 131),
        message: Text(
            "This is a test using a larger than block-size key and a larger than block-size data. The key needs to be hashed before being used by the HMAC algorithm.",
        ),
        macs: &[
            (Algorithm::Sha224, "3a854166ac5d9f023f54d517d0b39dbd946770db9c2b95c9f6f565d1"),
            (Algorithm::Sha256, "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2"),
            (
                Algorithm::Sha384,
                "6617178e941f020d351e2f254e8fd32c602420feb0b8fb9adccebb82461e99c5a678cc31e799176d3860e6110c46523e",
            ),
            (
                Algorithm::Sha512,
                "e37b6a775dc87dbaa4dfa9f96e5e3ffddebd71f8867289865df5a32d20cdc944b6022cac3c4982b10d5eeb55c3e4de15134676fb6de0446065c97440fa8c6a58",
            ),
        ],
    },
];
