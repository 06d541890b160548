// What react-native-razorpay exports; the package has no types of its own.
declare module "react-native-razorpay" {
  const RazorpayCheckout: { open(options: object): Promise<unknown> };
  export default RazorpayCheckout;
}
