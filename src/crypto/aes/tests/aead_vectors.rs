//! GCM: the samples of McGrew and Viega's specification and of NIST's gcmEncryptExtIV files.
//! CCM: NIST SP 800-38C, appendix C.

/// One AEAD operation. The tag may be cut short.
#[derive(Debug)]
pub(super) struct Vector {
    pub key: &'static str,
    pub iv: &'static str,
    pub aad: &'static str,
    pub plaintext: &'static str,
    pub ciphertext: &'static str,
    pub tag: &'static str,
}

const ZERO_128: &str = "00000000000000000000000000000000";
const ZERO_192: &str = "000000000000000000000000000000000000000000000000";
const ZERO_256: &str = "0000000000000000000000000000000000000000000000000000000000000000";
const ZERO_IV: &str = "000000000000000000000000";
const KEY: &str = "feffe9928665731c6d6a8f9467308308";
const IV: &str = "cafebabefacedbaddecaf888";
const AAD: &str = "feedfacedeadbeeffeedfacedeadbeefabaddad2";
const TEXT: &str = "
    d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72
    1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39";

pub(super) const GCM: &[Vector] = &[
    // McGrew and Viega, test cases 1 to 8, 13, 14, 16.
    Vector {
        key: ZERO_128,
        iv: ZERO_IV,
        aad: "",
        plaintext: "",
        ciphertext: "",
        tag: "58e2fccefa7e3061367f1d57a4e7455a",
    },
    Vector {
        key: ZERO_128,
        iv: ZERO_IV,
        aad: "",
        plaintext: ZERO_128,
        ciphertext: "0388dace60b6a392f328c2b971b2fe78",
        tag: "ab6e47d42cec13bdf53a67b21257bddf",
    },
    Vector {
        key: KEY,
        iv: IV,
        aad: "",
        plaintext: "
            d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72
            1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b391aafd255",
        ciphertext: "
            42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e
            21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091473f5985",
        tag: "4d5c2af327cd64a62cf35abd2ba6fab4",
    },
    Vector {
        key: KEY,
        iv: IV,
        aad: AAD,
        plaintext: TEXT,
        ciphertext: "
            42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e
            21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091",
        tag: "5bc94fbc3221a5db94fae95ae7121a47",
    },
    Vector {
        key: KEY,
        iv: "cafebabefacedbad",
        aad: AAD,
        plaintext: TEXT,
        ciphertext: "
            61353b4c2806934a777ff51fa22a4755699b2a714fcdc6f83766e5f97b6c7423
            73806900e49f24b22b097544d4896b424989b5e1ebac0f07c23f4598",
        tag: "3612d2e79e3b0785561be14aaca2fccb",
    },
    Vector {
        key: KEY,
        iv: "
            9313225df88406e555909c5aff5269aa6a7a9538534f7da1e4c303d2a318a728
            c3c0c95156809539fcf0e2429a6b525416aedbf5a0de6a57a637b39b",
        aad: AAD,
        plaintext: TEXT,
        ciphertext: "
            8ce24998625615b603a033aca13fb894be9112a5c3a211a8ba262a3cca7e2ca7
            01e4a9a4fba43c90ccdcb281d48c7c6fd62875d2aca417034c34aee5",
        tag: "619cc5aefffe0bfa462af43c1699d050",
    },
    Vector {
        key: ZERO_192,
        iv: ZERO_IV,
        aad: "",
        plaintext: "",
        ciphertext: "",
        tag: "cd33b28ac773f74ba00ed1f312572435",
    },
    Vector {
        key: ZERO_192,
        iv: ZERO_IV,
        aad: "",
        plaintext: ZERO_128,
        ciphertext: "98e7247c07f0fe411c267e4384b0f600",
        tag: "2ff58d80033927ab8ef4d4587514f0fb",
    },
    Vector {
        key: ZERO_256,
        iv: ZERO_IV,
        aad: "",
        plaintext: "",
        ciphertext: "",
        tag: "530f8afbc74536b9a963b4f1c4cb738b",
    },
    Vector {
        key: ZERO_256,
        iv: ZERO_IV,
        aad: "",
        plaintext: ZERO_128,
        ciphertext: "cea7403d4d606b6e074ec5d3baf39d18",
        tag: "d0d1c8a799996bf0265b98b5d48ab919",
    },
    Vector {
        key: "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308",
        iv: IV,
        aad: AAD,
        plaintext: TEXT,
        ciphertext: "
            522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa
            8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662",
        tag: "76fc6ece0f4e1768cddf8853bb2d551b",
    },
    // gcmEncryptExtIV128, count 0 of: no input; text only; AAD only.
    Vector {
        key: "11754cd72aec309bf52f7687212e8957",
        iv: "3c819d9a9bed087615030b65",
        aad: "",
        plaintext: "",
        ciphertext: "",
        tag: "250327c674aaf477aef2675748cf6971",
    },
    Vector {
        key: "7fddb57453c241d03efbed3ac44e371c",
        iv: "ee283a3fc75575e33efd4887",
        aad: "",
        plaintext: "d5de42b461646c255c87bd2962d3b9a2",
        ciphertext: "2ccda4a5415cb91e135c2a0f78c9b2fd",
        tag: "b36d1df9b9d5e596f83e8b7f52971cb3",
    },
    Vector {
        key: "77be63708971c4e240d1cb79e8d77feb",
        iv: "e0e00f19fed7ba0136a797f3",
        aad: "7a43ec1d9c0a5a78a0b16533a6213cab",
        plaintext: "",
        ciphertext: "",
        tag: "209fcc8d3675ed938e9c7166709dd946",
    },
];

const CCM_KEY: &str = "404142434445464748494a4b4c4d4e4f";

/// Examples 1 to 3. The fourth, with its 65536 bytes of AAD, is in the test itself.
pub(super) const CCM: &[Vector] = &[
    Vector {
        key: CCM_KEY,
        iv: "10111213141516",
        aad: "0001020304050607",
        plaintext: "20212223",
        ciphertext: "7162015b",
        tag: "4dac255d",
    },
    Vector {
        key: CCM_KEY,
        iv: "1011121314151617",
        aad: "000102030405060708090a0b0c0d0e0f",
        plaintext: "202122232425262728292a2b2c2d2e2f",
        ciphertext: "d2a1f0e051ea5f62081a7792073d593d",
        tag: "1fc64fbfaccd",
    },
    Vector {
        key: CCM_KEY,
        iv: "101112131415161718191a1b",
        aad: "000102030405060708090a0b0c0d0e0f10111213",
        plaintext: "202122232425262728292a2b2c2d2e2f3031323334353637",
        ciphertext: "e3b201a9f5b71a7a9b1ceaeccd97e70b6176aad9a4428aa5",
        tag: "484392fbc1b09951",
    },
];
