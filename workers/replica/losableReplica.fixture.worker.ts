import "./losableDevice.fixture";
import "../replica.worker";
