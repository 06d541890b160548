// The parts of Android and of Razorpay's SDK that the guide uses. Their packages are not in the registries.
package android.app

open class Activity
